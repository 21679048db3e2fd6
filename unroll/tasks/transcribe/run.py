"""A run that hears: what a sound says while it is going on, and a language model that helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unroll.errors import UserError
from unroll.tasks.base import Trained
from unroll.tasks.load import load
from unroll.tasks.run import Run
from unroll.tasks.transcribe.language_scorer import LanguageScorer
from unroll.tasks.transcribe.live import Live


@dataclass(frozen=True)
class Helped(Trained[Any, Any, Any]):
    """scorer: of the beam; None where no language model is asked for."""

    scorer: Any = None


class TranscribeRun(Run):
    """A trained recogniser with its folder.

    Attributes: those of `Run`.
    """

    def live(self) -> Live:
        """The run for a sound that is still going on; see `unroll.tasks.transcribe.live.Live`.

        Raises: UserError where the run was not trained with streaming=true.
        """
        if not self.settings.streaming:
            raise UserError(
                f"{self.path} reads a sound from both ends, or as a whole, and cannot follow one "
                "that is still going on. Train it by --set streaming=true."
            )
        return Live(self.model.stream(), self.preprocessor)

    @property
    def trained(self) -> Trained[Any, Any, Any]:
        """What the task's functions take, with the language model that is asked for."""
        plain = super().trained
        return Helped(**vars(plain), scorer=self._scorer())

    def _scorer(self) -> LanguageScorer | None:
        settings = self.settings
        if settings.language_model is None:
            return None
        run = load(settings.language_model, str(self.device))
        if run.task_name != "language" or run.preprocessor.categories:
            kind = run.task_name if run.task_name != "language" else "language with conditions"
            raise UserError(
                f"--set language_model={settings.language_model} is a run of the task {kind}; "
                "expected one of the task language, without a condition."
            )
        return LanguageScorer(
            run.model,
            run.preprocessor.vocabulary,
            ["", *self.preprocessor.tokens],
            words=self.preprocessor.units == "word",
            weight=settings.weight,
            bonus=settings.bonus,
            per_line=run.settings.per_line,
        )
