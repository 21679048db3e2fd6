"""A language model that speaks for what a recogniser could have heard or read (shallow fusion).

`network` is a `unroll.models.language.LanguageModel`, or what is called as one is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unroll.cells import State
from unroll.data.vocabulary import UNKNOWN, Vocabulary
from unroll.errors import UserError
from unroll.models.language_decoding import start_ids


@dataclass(frozen=True)
class Said:
    """What was said so far: the network's states, log p [V] of what comes next, and the letters of
    a word that is not yet at its end."""

    states: list[State]
    log_p: np.ndarray
    word: str = ""


def check_level(level: str, words: bool) -> None:
    """Raises: UserError for a language model whose tokens do not fit those of a recogniser."""
    if level == "bpe" or (words and level != "word"):
        fitting = "words" if words else "characters or words"
        raise UserError(
            f"The language model's tokens are of the level {level}, the recogniser's are "
            f"{'words' if words else 'characters'}; expected a language model of {fitting}. Train "
            f"one: unroll train TEXT --level {'word' if words else 'char'}."
        )


class LanguageScorer:
    """A language model as a `unroll.tasks.transcribe.ctc.Scorer`.

        added = weight * log p(token | before) + bonus        a token of the language model

    When to use it: where sound or ink leave open what words make plain: "pair" and "pear". A model
    of characters speaks at every character; one of words when a word comes to its end, or at once
    where the recogniser's tokens are words.

    symbols: the text of each of the recogniser's tokens; that of the blank, the first, is not used.
    words: whether these are words, with spaces between them; otherwise characters.
    weight: how much it counts; 0 not at all. bonus: makes up for the language model's wish for short
    texts. unknown: added to log p of the unknown, which stands for a great many words.
    per_line: whether the language model takes each line for itself.
    Raises: UserError for a language model whose tokens do not fit.

    Source: A. Hannun et al., 2014 (https://arxiv.org/abs/1408.2873), equation 3; `unknown`:
    pyctcdecode's unk_score_offset.

    Example:
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
        network: Any,
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
        self._fresh: list[State] = self._stepper.states
        self._before = start_ids(vocabulary, per_line)
        # what a token adds at once: the id of a character; of a word where tokens are words
        self._ids = [vocabulary.encode(symbol).tolist() for symbol in self.symbols]
        self._spaces = [k for k, symbol in enumerate(self.symbols) if symbol.isspace()]
        single = [ids[0] if len(ids) == 1 else UNKNOWN for ids in self._ids]
        self._single = np.array(single)
        self._penalty = np.where(self._single == UNKNOWN, unknown, 0.0)

    def start(self) -> Said:
        """Before the first token: behind what stands before every text."""
        return self._read(Said(self._fresh, np.zeros(0)), self._before)

    def scores(self, said: Said) -> np.ndarray:
        """What each token adds, [V]."""
        if not self.by_word:
            return self.weight * (said.log_p[self._single] + self._penalty) + self.bonus
        added = np.zeros(len(self.symbols))
        if self.words:
            added += self.weight * (said.log_p[self._single] + self._penalty) + self.bonus
            for k, ids in enumerate(self._ids):
                if len(ids) > 1:
                    added[k] = self._of_word(said, ids)
        elif said.word and self._spaces:
            added[self._spaces] = self._of_word(said, self.vocabulary.encode(said.word).tolist())
        return added

    def after(self, said: Said, token: int) -> Said:
        """What is said once this token is."""
        if not self.by_word:
            return self._read(said, [int(self._single[token])])
        if self.words:
            return self._read(said, self._ids[token])
        if token not in self._spaces:
            return Said(said.states, said.log_p, said.word + self.symbols[token])
        return self._read(said, self.vocabulary.encode(said.word).tolist())

    def end(self, said: Said) -> float:
        """What the end adds: of the last word, if one is open, and of the line."""
        added = 0.0
        if said.word:
            ids = self.vocabulary.encode(said.word).tolist()
            added = self._of_word(said, ids)
            said = self._read(said, ids)
        return added + self.weight * float(said.log_p[self._before[-1]])

    def _of_word(self, said: Said, ids: list[int]) -> float:
        """What a word adds, whose ids are several where marks are cut off."""
        total = 0.0
        for place, id in enumerate(ids):
            if place:
                said = self._read(said, ids[place - 1 : place])
            log_p = float(said.log_p[id]) + (self.unknown if id == UNKNOWN else 0.0)
            total += self.weight * log_p + self.bonus
        return total

    @torch.no_grad()
    def _read(self, said: Said, ids: list[int]) -> Said:
        """What is said behind these ids of the language model; an open word is closed."""
        if not ids:
            return Said(said.states, said.log_p)
        self._stepper.states = said.states
        for id in ids:
            logits = self._stepper(torch.tensor([id], device=self._device))
        log_p = logits[0].double().log_softmax(-1).cpu().numpy()
        return Said(self._stepper.states, log_p)
