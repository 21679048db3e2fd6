"""A report that speaks of data from Python as its user does, not of the file that holds it."""

from __future__ import annotations

from collections.abc import Mapping

from unroll.in_memory.wording import Wordings
from unroll.training.report import TrainingReport


class WordedReport:
    """Passes everything on to another report, sentences in the words of the data.

    Args:
        report: takes everything.
        wordings: of the data.
    """

    def __init__(self, report: TrainingReport, wordings: Wordings) -> None:
        self._report, self._wordings = report, wordings

    @property
    def unit(self) -> str:
        """What a token is, for people."""
        return self._report.unit

    @unit.setter
    def unit(self, unit: str) -> None:
        self._report.unit = unit

    def log(self, message: str) -> None:
        """Take a sentence for people."""
        self._report.log(self._wordings.say(message))

    def step(self, metrics: Mapping[str, float], share: float, seconds_left: float) -> None:
        """Take the metrics of a step."""
        self._report.step(metrics, share, seconds_left)

    def evaluation(
        self, step: int, metrics: Mapping[str, float], better: bool, sample: str | None
    ) -> None:
        """Take the validation metrics after a step."""
        self._report.evaluation(step, metrics, better, sample)

    def close(self) -> None:
        """Training has ended."""
        self._report.close()
