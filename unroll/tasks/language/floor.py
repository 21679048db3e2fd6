"""The simple model that a language model is mixed with: modified Kneser-Ney n-grams of the training set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unroll.data.encoded import Encoded
from unroll.data.vocabulary import Vocabulary
from unroll.models.discounts import fit_on
from unroll.models.gram_counts import GramCounts
from unroll.models.kneser_ney import KneserNey
from unroll.saved_files import Damaged
from unroll.tasks.language.settings import LanguageSettings
from unroll.training.checkpoint import pack_arrays, read_arrays

FLOOR = "floor.safetensors"
MOST_ORDER = {"char": 8, "word": 4, "bpe": 5}  # of the n-grams, by what a token is
MOST_TOKENS = 4_000_000  # that are counted; about 5 seconds and 700 MB
TOKENS_A_SECOND = 200_000  # of the budget, that are counted where it is short
FEWEST_TOKENS = 200_000
CHOOSING_TOKENS = 50_000  # of the validation set that choose order and discounts


@dataclass(frozen=True)
class LanguageFloor:
    """An n-gram model of a text, and its unigram model for comparison.

    Attributes:
        ngrams: modified Kneser-Ney, its order and its discounts the best on the validation set.
        unigram: how often each token comes [V].
        lines: whether sequences are lines, so that no history goes back over a boundary.
    """

    ngrams: KneserNey
    unigram: np.ndarray
    lines: bool

    @property
    def name(self) -> str:
        """Of the n-gram model, for people and as a baseline: "7-gram"."""
        return f"{self.ngrams.order}-gram"

    @property
    def unigram_p(self) -> np.ndarray:
        """The distribution of a token that knows no history [V]; one more of each was seen."""
        counts = self.unigram + 1.0
        return counts / counts.sum()

    def files(self) -> dict[str, bytes]:
        """The file of a run folder that holds it, by name."""
        arrays = {**self.ngrams.arrays(), "unigram": self.unigram, "lines": np.array([self.lines])}
        return {FLOOR: pack_arrays(arrays)}

    @classmethod
    def load(cls, folder: Path, vocabulary_size: int) -> LanguageFloor:
        """The n-gram model that a run folder holds.

        Raises:
            UserError: where its file is damaged.
        """
        arrays = read_arrays(folder, FLOOR)
        try:
            unigram, lines = arrays.pop("unigram"), arrays.pop("lines")
            if unigram.shape != (vocabulary_size,) or unigram.dtype != np.int64:
                raise ValueError("expected a count of each token")
            if lines.shape != (1,) or lines.dtype != np.bool_ or (unigram < 0).any():
                raise ValueError("expected counts from 0 on, and whether they are of lines")
            ngrams = KneserNey.from_arrays(vocabulary_size, arrays)
        except (ValueError, KeyError) as error:
            problem = f"{folder / FLOOR} does not hold n-grams: {str(error)[:80]}"
            raise Damaged(problem) from error
        return cls(ngrams, unigram, bool(lines[0]))

    def counted_again(self, ids: np.ndarray, vocabulary: Vocabulary) -> LanguageFloor:
        """The same order and discounts, with the counts of other ids [N] of the vocabulary."""
        order = self.ngrams.order
        grams, unigram = counted_grams(ids, vocabulary, order, self.lines)
        return replace(
            self,
            ngrams=KneserNey.of_counts(grams, order, self.ngrams.discounts),
            unigram=unigram,
        )


def fit_floor(
    train: Encoded, valid: Encoded, vocabulary: Vocabulary, settings: LanguageSettings
) -> LanguageFloor:
    """Count the n-grams of a training set; choose order and discounts on the validation set.

    Args:
        train: the training set; of a long one the last tokens are counted (`tokens_counted`).
        valid: the validation set.
        vocabulary: of V tokens.
        settings: what a token is, whether lines are sequences, and how many seconds there are.
    """
    ids = train.ids[-tokens_counted(settings) :]
    order = MOST_ORDER[settings.level]
    grams, unigram = counted_grams(ids, vocabulary, order, settings.per_line)
    choosing = np.asarray(valid.ids[: CHOOSING_TOKENS + 1], dtype=np.int64)
    return LanguageFloor(fit_on(grams, choosing), unigram, settings.per_line)


def counted_grams(
    ids: np.ndarray, vocabulary: Vocabulary, order: int, lines: bool
) -> tuple[GramCounts, np.ndarray]:
    """The grams of ids [N] up to an order, and how often each token comes [V]."""
    ids = np.asarray(ids, dtype=np.int64)
    ids = ids[ids < len(vocabulary)]  # a start that is never predicted is in no gram
    grams = GramCounts.of(ids, len(vocabulary), order, vocabulary.boundary if lines else None)
    return grams, np.bincount(ids, minlength=len(vocabulary)).astype(np.int64)


def tokens_counted(settings: LanguageSettings) -> int:
    """How many tokens are counted, at most: fewer where the budget is a few seconds."""
    if settings.seconds is None:
        return MOST_TOKENS
    return min(MOST_TOKENS, max(FEWEST_TOKENS, round(settings.seconds * TOKENS_A_SECOND)))
