"""A trained language model: score, continue and generate text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from unroll.data.vocabulary import Vocabulary, ids_read
from unroll.errors import UserError
from unroll.layers.kept_state import weights_hash
from unroll.models import language_decoding, language_state
from unroll.models.language import LanguageModel
from unroll.models.language_state import LanguageState
from unroll.models.mixture import MixedLanguageModel
from unroll.tasks.language.preprocessor import LanguagePreprocessor
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.run import Run

USUAL_LENGTH = 400  # tokens that are generated


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

    @cached_property
    def weights_hash(self) -> str:
        """The SHA-256 of the network's weights and of the vocabulary; states name it."""
        files = [content for _, content in sorted(self.vocabulary.files().items())]
        return weights_hash(self.model.state_dict().items(), *files)

    def read(
        self, text: str, *, state: LanguageState | None = None, condition: str | None = None
    ) -> LanguageState:
        """The state after a text, to score, predict and generate what follows without reading it again.

        Pieces that are read one after the other give the same bits as the whole, where the borders are
        borders of tokens: always for characters, between words for words.

        Args:
            text: to read.
            state: after what comes before it; it stays as it is. Default: the text is the first.
            condition: the category, for runs that were trained with one. Default: that of the state.

        Raises:
            UserError: for characters that the vocabulary does not have, and a state of another run.
        """
        check_text(text, "text")
        category = self._category_after(state, condition)
        ids = language_decoding.prompt_ids(self.vocabulary, text, self.settings.per_line, state)
        given = language_decoding.category_ids(category, 1, self.model.bias.device)
        return language_state.read(self.predictor, ids, given, state, self.weights_hash)

    def state_from_bytes(self, content: bytes) -> LanguageState:
        """The state that `state.to_bytes()` made.

        Raises:
            UserError: where the bytes are no state, are damaged, or belong to another run.
        """
        return language_state.from_bytes(
            self.predictor,
            content,
            self.weights_hash,
            len(self.categories),
            ids_read(self.vocabulary),
        )

    def score(
        self, text: str, condition: str | None = None, *, state: LanguageState | None = None
    ) -> dict[str, Any]:
        """The log-probability of a text (nats), per token, its perplexity, and what is unknown in it.

        condition: the category, for runs that were trained with one. state: of `read`, after what comes
        before the text.
        """
        check_text(text, "text")
        category = self._category_after(state, condition)
        return language_decoding.score(
            self.predictor,
            self.vocabulary,
            text,
            per_line=self.settings.per_line,
            category=category,
            state=state,
        )

    def next(
        self,
        text: str = "",
        top: int = 10,
        condition: str | None = None,
        *,
        state: LanguageState | None = None,
    ) -> list[dict[str, Any]]:
        """The most likely next tokens after a text, with their probabilities.

        state: of `read`, after what comes before the text.
        """
        check_text(text, "text")
        category = self._category_after(state, condition)
        return language_decoding.next_tokens(
            self.predictor,
            self.vocabulary,
            text,
            top,
            per_line=self.settings.per_line,
            category=category,
            state=state,
        )

    def generate(self, prompt: str = "", length: int | None = None, **sampling: Any) -> str:
        """The prompt and what follows it.

        length: tokens to add; None: `usual_length`. sampling: temperature, top_k, top_p, seed,
        condition, unknown, state; see `stream`.
        """
        check_text(prompt, "prompt")
        return prompt + "".join(self.stream(prompt, length, **sampling))

    def stream(
        self,
        prompt: str = "",
        length: int | None = None,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        condition: str | None = None,
        unknown: bool = False,
        state: LanguageState | None = None,
    ) -> Iterator[str]:
        """What follows the prompt, piece by piece, at most `length` tokens; None: `usual_length`.

        temperature: 0: always the most likely token; 1: the learned probabilities.
        top_k: only the k most likely; 0: all.
        top_p: only the fewest that reach this probability. seed: the same seed, the same text.
        condition: the category. unknown: whether <unk> may come.
        state: of `read`, after what comes before the prompt; it stays as it is.
        """
        check_text(prompt, "prompt")
        category = self._category_after(state, condition)
        return language_decoding.generate(
            self.predictor,
            self.vocabulary,
            prompt,
            length=self.usual_length(prompt) if length is None else length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            per_line=self.settings.per_line,
            category=category,
            unknown=unknown,
            state=state,
        )

    def _category_after(self, state: LanguageState | None, condition: str | None) -> int | None:
        """The number of a condition, which is that of the state where there is one.

        Raises:
            UserError: for a state of another run, or made under another condition.
        """
        if state is None:
            return self.category(condition)
        if not isinstance(state, LanguageState):
            raise UserError(f"state got {state!r:.60}; expected one that run.read(text) returned.")
        if state.weights != self.weights_hash:
            raise UserError(
                f"The state belongs to another run (weights {state.weights[:12]}) than {self.path} "
                f"({self.weights_hash[:12]}). Read the text with this run: run.read(text)."
            )
        if condition is not None and self.category(condition) != state.category:
            raise UserError(
                f"--condition got {condition!r}, but the state was read under another one. Leave it out, "
                "or read the text under this condition."
            )
        return state.category

    def usual_length(self, prompt: str) -> int:
        """Tokens to add to a prompt: 400, or what makes it as long as a shorter text of training."""
        trained = int(self.config["data"].get("tokens", USUAL_LENGTH))
        if trained >= USUAL_LENGTH or self.settings.per_line:
            return USUAL_LENGTH
        if self.vocabulary.unknown(prompt):
            return trained  # of characters that are refused, or words that count as nothing
        return max(1, trained - len(self.vocabulary.encode(prompt)))

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
