"""A language model that scores the texts of a beam search (shallow fusion)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from unroll.cells import State
from unroll.data.vocabulary import UNKNOWN, Vocabulary
from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.models.language_decoding import start_ids
from unroll.models.mixture import MixedLanguageModel
from unroll.tasks.load import load
from unroll.tasks.transcribe.preprocessor import TranscribePreprocessor
from unroll.tasks.transcribe.settings import TranscribeSettings
from unroll.training.folder import RunFolder


@dataclass(frozen=True)
class ScorerState:
    """What the language model has read so far.

    Attributes:
        states: of the network.
        log_p: log p [V] of its next token.
        word: the letters of a word that has not ended.
    """

    states: list[State]
    log_p: np.ndarray
    word: str = ""


def check_level(level: str, words: bool) -> None:
    """Check that the tokens of a language model fit those of a recogniser.

    Args:
        level: char, word or bpe: the tokens of the language model.
        words: whether the recogniser's tokens are words; otherwise characters.

    Raises:
        UserError: where they do not fit.
    """
    if level == "bpe" or (words and level != "word"):
        fitting = "words" if words else "characters or words"
        raise UserError(
            f"The language model has the level {level}, but the recogniser's tokens are "
            f"{'words' if words else 'characters'}; expected a language model of {fitting}. Train "
            f"it: unroll train TEXT --level {'word' if words else 'char'}."
        )


def language_model_level(folder: str) -> str:
    """The level of the run of a language model: char, word or bpe.

    Args:
        folder: the run folder, as --set language_model=FOLDER names it.

    Raises:
        UserError: where it is no run of a language model without a condition.
    """
    config = RunFolder.open(Path(folder)).config()
    if config["task"] != "language" or config["settings"]["condition"] is not None:
        kind = "language with conditions" if config["task"] == "language" else config["task"]
        raise UserError(
            f"--set language_model={folder} is a run of the task {kind}; expected a run of the task "
            "language without a condition."
        )
    return str(config["settings"]["level"])


class LanguageScorer:
    """A language model as a `unroll.tasks.transcribe.ctc.Scorer`.

        added = weight * log p(token | before) + bonus        per token of the language model

    When to use it: where sound or ink is ambiguous and the context is not: "pair" and "pear". A
    character model adds its score at every character; a word model adds it when a word ends, or at
    once where the recogniser's tokens are words.

    Args:
        network: the language model.
        vocabulary: of the language model.
        symbols: V texts, one per token of the recogniser; the first, of the blank, is not used.
        words: whether the symbols are words, with spaces between them; otherwise characters.
        weight: factor of log p; 0 disables the model.
        bonus: added per token of the language model, as language models prefer short texts.
        unknown: added to log p of the unknown token, which represents many words.
        per_line: whether the language model was trained on single lines.

    Raises:
        UserError: where the tokens of the language model do not fit.

    Source: A. Hannun et al., 2014 (https://arxiv.org/abs/1408.2873), equation 3; `unknown`:
    pyctcdecode's unk_score_offset.

    Examples:
        >>> import torch
        >>> from unroll.data.characters import CharacterVocabulary
        >>> from unroll.tasks.transcribe.ctc import beam_search
        >>> from unroll.tasks.transcribe.language_scorer import LanguageScorer
        >>> from unroll.models.language import LanguageModel
        >>> vocabulary = CharacterVocabulary("ab")
        >>> network = LanguageModel(len(vocabulary), 4, 8).eval()
        >>> scorer = LanguageScorer(network, vocabulary, ["", "a", "b"], weight=0.5)
        >>> found = beam_search(torch.randn(5, 3).log_softmax(-1), 4, scorer)
        >>> found[0].score < found[0].log_probability
        True
    """

    def __init__(
        self,
        network: LanguageModel | MixedLanguageModel,
        vocabulary: Vocabulary,
        symbols: Sequence[str],
        *,
        words: bool = False,
        weight: float = 0.5,
        bonus: float = 0.0,
        unknown: float = -10.0,
        per_line: bool = False,
    ) -> None:
        check_level(vocabulary.level, words)
        self.vocabulary, self.symbols, self.words = vocabulary, list(symbols), words
        self.weight, self.bonus, self.unknown = weight, bonus, unknown
        self.by_word = vocabulary.level == "word"
        self._device = network.bias.device
        self._stepper = network.eval().stepper(1)
        self._initial: list[State] = self._stepper.states
        self._before = start_ids(vocabulary, per_line)
        # ids in the language model of each symbol: a character, or a word where tokens are words
        # in a closed alphabet a character may have none
        closed = vocabulary.unknown_id is None
        self._ids = [
            [] if closed and vocabulary.unknown(symbol) else vocabulary.encode(symbol).tolist()
            for symbol in self.symbols
        ]
        self._spaces = [k for k, symbol in enumerate(self.symbols) if symbol.isspace()]
        single = [ids[0] if len(ids) == 1 else UNKNOWN for ids in self._ids]
        self._single = np.array(single)
        is_unknown = [len(ids) != 1 for ids in self._ids] if closed else self._single == UNKNOWN
        self._penalty = np.where(is_unknown, unknown, 0.0)

    def start(self) -> ScorerState:
        """The state before the first token: after what precedes every text."""
        return self._read(ScorerState(self._initial, np.zeros(0)), self._before)

    def scores(self, state: ScorerState) -> np.ndarray:
        """What each next token adds, [V], in nats."""
        if not self.by_word:
            return self.weight * (state.log_p[self._single] + self._penalty) + self.bonus
        added = np.zeros(len(self.symbols))
        if self.words:
            added += self.weight * (state.log_p[self._single] + self._penalty) + self.bonus
            for k, ids in enumerate(self._ids):
                if len(ids) > 1:
                    added[k] = self._word_score(state, ids)
        elif state.word and self._spaces:
            added[self._spaces] = self._word_score(
                state, self.vocabulary.encode(state.word).tolist()
            )
        return added

    def after(self, state: ScorerState, token: int) -> ScorerState:
        """The state after this token."""
        if not self.by_word:
            return self._read(state, self._ids[token] and [int(self._single[token])])
        if self.words:
            return self._read(state, self._ids[token])
        if token not in self._spaces:
            return ScorerState(state.states, state.log_p, state.word + self.symbols[token])
        return self._read(state, self.vocabulary.encode(state.word).tolist())

    def end(self, state: ScorerState) -> float:
        """What the end adds, in nats: the last word, where it has not ended, and the line end."""
        added = 0.0
        if state.word:
            ids = self.vocabulary.encode(state.word).tolist()
            added = self._word_score(state, ids)
            state = self._read(state, ids)
        if self._before[-1] >= len(state.log_p):
            return added  # a text whose end is not predicted
        return added + self.weight * float(state.log_p[self._before[-1]])

    def _word_score(self, state: ScorerState, ids: list[int]) -> float:
        """What a word adds; it has several ids where punctuation is split off."""
        total = 0.0
        for place, id in enumerate(ids):
            if place:
                state = self._read(state, ids[place - 1 : place])
            log_p = float(state.log_p[id]) + (self.unknown if id == UNKNOWN else 0.0)
            total += self.weight * log_p + self.bonus
        return total

    @torch.no_grad()
    def _read(self, state: ScorerState, ids: list[int]) -> ScorerState:
        """The state after these ids of the language model; a word that was open ends."""
        if not ids:
            return ScorerState(state.states, state.log_p)
        self._stepper.states = state.states
        for id in ids:
            logits = self._stepper(torch.tensor([id], device=self._device))
        log_p = logits[0].double().log_softmax(-1).cpu().numpy()
        return ScorerState(self._stepper.states, log_p)


def load_language_scorer(
    settings: TranscribeSettings, preprocessor: TranscribePreprocessor, device: torch.device
) -> LanguageScorer | None:
    """The scorer that the settings of a recogniser ask for.

    Args:
        settings: of the recogniser: `language_model`, `weight` and `bonus`.
        preprocessor: of the recogniser.
        device: where the language model runs.

    Returns:
        The scorer, or None where no language model is given.

    Raises:
        UserError: where the folder is no run of a language model, or its tokens do not fit.
    """
    if settings.language_model is None:
        return None
    language_model_level(settings.language_model)
    run = load(settings.language_model, str(device))
    vocabulary = run.preprocessor.vocabulary
    if vocabulary.unknown_id is None and vocabulary.level == "word":
        raise UserError(
            f"--set language_model={settings.language_model} knows a closed set of words, and the recogniser "
            "may write others. Train the language model with --set unknown=token."
        )
    floor = run.preprocessor.floor
    network = run.model if floor is None else MixedLanguageModel(run.model, floor.ngrams)
    return LanguageScorer(
        network,
        run.preprocessor.vocabulary,
        ["", *preprocessor.tokens],
        words=preprocessor.units == "word",
        weight=settings.weight,
        bonus=settings.bonus,
        per_line=run.settings.per_line,
    )
