"""A trained language model: score, continue and generate text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from unroll.data.vocabulary import Vocabulary
from unroll.errors import UserError
from unroll.models import language_decoding
from unroll.models.language import LanguageModel
from unroll.models.mixture import MixedLanguageModel
from unroll.tasks.language.preprocessor import LanguagePreprocessor
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.run import Run


class LanguageRun(Run):
    """A trained language model with its folder.

    Attributes: those of `Run`, and vocabulary: text to ids and back; categories: its conditions.
    """

    settings: LanguageSettings
    preprocessor: LanguagePreprocessor
    model: LanguageModel

    @property
    def vocabulary(self) -> Vocabulary:
        """Text to ids and back."""
        return self.preprocessor.vocabulary

    @property
    def categories(self) -> list[str]:
        """The conditions it was trained with, by name."""
        return self.preprocessor.categories

    @property
    def predictor(self) -> LanguageModel | MixedLanguageModel:
        """What predicts: the network mixed with its n-grams, or alone where it has none."""
        floor = self.preprocessor.floor
        return self.model if floor is None else MixedLanguageModel(self.model, floor.ngrams)

    def score(self, text: str, condition: str | None = None) -> dict[str, Any]:
        """The log-probability of a text (nats), per token, its perplexity, and what is unknown in it.

        condition: the category, for runs that were trained with one.
        """
        check_text(text, "text")
        return language_decoding.score(
            self.predictor,
            self.vocabulary,
            text,
            per_line=self.settings.per_line,
            category=self.category(condition),
        )

    def next(self, text: str, top: int = 10, condition: str | None = None) -> list[dict[str, Any]]:
        """The most likely next tokens after a text, with their probabilities."""
        check_text(text, "text")
        return language_decoding.next_tokens(
            self.predictor,
            self.vocabulary,
            text,
            top,
            per_line=self.settings.per_line,
            category=self.category(condition),
        )

    def generate(self, prompt: str = "", length: int = 400, **sampling: Any) -> str:
        """The prompt and what follows it.

        sampling: temperature, top_k, top_p, seed, condition, unknown; see `stream`.
        """
        check_text(prompt, "prompt")
        return prompt + "".join(self.stream(prompt, length, **sampling))

    def stream(
        self,
        prompt: str = "",
        length: int = 400,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        condition: str | None = None,
        unknown: bool = False,
    ) -> Iterator[str]:
        """What follows the prompt, piece by piece, at most `length` tokens.

        temperature: 0: always the most likely token; 1: the learned probabilities.
        top_k: only the k most likely; 0: all.
        top_p: only the fewest that reach this probability. seed: the same seed, the same text.
        condition: the category. unknown: whether <unk> may come.
        """
        check_text(prompt, "prompt")
        return language_decoding.generate(
            self.predictor,
            self.vocabulary,
            prompt,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            per_line=self.settings.per_line,
            category=self.category(condition),
            unknown=unknown,
        )

    def category(self, condition: str | None) -> int | None:
        """The number of a condition; None for a run that was trained without.

        Raises: UserError for a condition that it does not know, or that is missing.
        """
        if not self.categories:
            if condition is not None:
                raise UserError(
                    f"--condition got {condition!r}, but this run was trained without a condition. "
                    "Leave it out."
                )
            return None
        shown = ", ".join(self.categories[:30])
        if condition is None:
            raise UserError(
                f"This run was trained with a condition; say which by --condition: {shown}."
            )
        if condition not in self.categories:
            raise UserError(
                f"--condition got {condition!r}; this run knows {shown}. Choose one of them."
            )
        return self.categories.index(condition)


def check_text(text: object, name: str) -> None:
    """Refuse what is no text.

    Args:
        text: what was given.
        name: of the argument, for the error.

    Raises:
        UserError: for anything but a str.
    """
    if not isinstance(text, str):
        raise UserError(f'{name} got {text!r:.40}; expected a text: str, "" for an empty one.')
