"""Training as a notebook shows it: one output that is rewritten, with a bar, figures and what was said."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from html import escape
from importlib import import_module
from time import monotonic
from typing import Any

from unroll.terminal import printable, shortened
from unroll.training.report import QuietReport, TokenRate, format_evaluation, format_step

SECONDS = 0.5  # between two versions of the output
MOST_SAMPLE = 600  # characters of a sample


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook; IPython is not loaded to find out."""
    module = sys.modules.get("IPython")
    if module is None:
        return False
    shell = module.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class NotebookReport(QuietReport):
    """One output of the cell that is rewritten: a bar, the last figures, and sentences folded away."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self._display: Any = None
        self._share, self._step, self._evaluation, self._sample = 0.0, "starting", "", ""
        self._said: list[str] = []
        self._results: list[str] | None = None  # what is said after the training
        self._rate = TokenRate()
        self._last = 0.0

    def log(self, message: str) -> None:
        (self._said if self._results is None else self._results).append(message)
        self._show()

    def step(self, metrics: Mapping[str, float], share: float, seconds_left: float) -> None:
        self._rate.update(metrics)
        self._share = share
        self._step = format_step(metrics, self._rate, self.unit, seconds_left)
        if monotonic() - self._last >= SECONDS:
            self._show()

    def evaluation(
        self, step: int, metrics: Mapping[str, float], better: bool, sample: str | None
    ) -> None:
        self._evaluation = format_evaluation(step, metrics, better)
        if sample is not None:
            self._sample = shortened(sample, MOST_SAMPLE)
        self._show()

    def close(self) -> None:
        self._results = self._results or []
        self._show()

    def _show(self) -> None:
        self._last = monotonic()
        content = {"text/plain": self.text(), "text/html": self.html()}
        if self._display is None:
            display = import_module("IPython.display").display
            self._display = display(content, raw=True, display_id=True)
        else:
            self._display.update(content, raw=True)

    def text(self) -> str:
        """The output without pictures: the share, the step and the last evaluation."""
        return printable(f"{self._share:4.0%}  {self._step}  {self._evaluation}".rstrip())

    def html(self) -> str:
        """The output as HTML."""
        lines = [line for line in (self._evaluation, *(self._results or [])) if line]
        sample = f"<pre>{escape(printable(self._sample))}</pre>" if self._sample else ""
        said = "<br>".join(escape(printable(sentence)) for sentence in self._said)
        return (
            f'<div><progress max="1" value="{self._share:.4f}"></progress> '
            f"{escape(printable(self._step))}"
            f"{''.join(f'<br>{escape(printable(line))}' for line in lines)}{sample}"
            f"<details><summary>What was read and chosen</summary>{said}</details></div>"
        )
