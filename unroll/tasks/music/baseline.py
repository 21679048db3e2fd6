"""The baselines of a model of tunes: n-gram models of the training set, and hashes of its tunes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from unroll.models.ngram import NGramModel
from unroll.tasks.baseline import FILE, load_baseline, load_ngrams, pack_baseline
from unroll.tasks.music.preprocessor import ABC, MusicPreprocessor
from unroll.training.folder import damaged_baseline

MOST_ORDER = 5  # of the n-grams
BOUNDARY, UNKNOWN = 0, 1  # symbols of the n-gram model of characters


@dataclass(frozen=True)
class TuneBaseline:
    """The n-gram models of a training set.

    Attributes:
        ngrams: of characters for ABC, of tokens for MIDI, of the order that is best on the validation
            set.
        characters: for ABC, the characters that have a symbol of their own; else empty.
        train: the content hashes of the tunes of the training set.
    """

    ngrams: NGramModel
    characters: list[str]
    train: np.ndarray

    def nats(self, texts: Sequence[str], preprocessor: MusicPreprocessor, order: int) -> float:
        """The negative log-probability of tunes by the n-gram model of an order."""
        ids = symbol_ids(texts, preprocessor, self.characters)
        return -float(self.ngrams.log_probabilities(ids, order).sum())


def fit_tune_baseline(
    train: Sequence[str], valid: Sequence[str], preprocessor: MusicPreprocessor
) -> dict[str, bytes]:
    """Count the n-grams of tunes, up to the order that is best on the validation set.

    Args:
        train: the training set.
        valid: the validation set.
        preprocessor: of the run.

    Returns:
        The files of a run folder that hold them.
    """
    is_abc = preprocessor.notation == ABC
    characters = sorted(set("".join(train))) if is_abc else []
    size = symbol_count(preprocessor, characters)
    ngrams = NGramModel.fit(symbol_ids(train, preprocessor, characters), size, MOST_ORDER)
    ids = symbol_ids(valid, preprocessor, characters)
    nats = [-ngrams.log_probabilities(ids, k).sum() for k in range(1, MOST_ORDER + 1)]
    best = 1 + int(np.argmin(nats))
    kept = NGramModel(size, ngrams.keys[:best], ngrams.counts[:best])
    return pack_baseline(
        {
            **kept.arrays(),
            "train": np.unique(content_hashes(train)),
            "characters": torch.tensor([ord(c) for c in characters]).numpy(),
        }
    )


def load_tune_baseline(folder: Path, preprocessor: MusicPreprocessor) -> TuneBaseline:
    """The n-gram models of a run folder.

    Raises:
        UserError: where their file is damaged.
    """
    arrays = load_baseline(folder, {"train": (None,), "characters": (None,)})
    train, points = arrays.pop("train"), arrays.pop("characters").tolist()
    if any(not isinstance(c, int) or not 0 <= c <= sys.maxunicode for c in points):
        raise damaged_baseline(f"{folder / FILE} does not hold characters")
    characters = [chr(c) for c in points]
    ngrams = load_ngrams(folder, symbol_count(preprocessor, characters), arrays)
    return TuneBaseline(ngrams, characters, train)


def symbol_count(preprocessor: MusicPreprocessor, characters: Sequence[str]) -> int:
    """How many symbols the n-gram model has: characters of ABC, or token ids of MIDI."""
    return len(characters) + 2 if preprocessor.notation == ABC else len(preprocessor)


def symbol_ids(
    texts: Sequence[str], preprocessor: MusicPreprocessor, characters: Sequence[str]
) -> np.ndarray:
    """Tunes as one sequence of symbols, with boundaries before, between and after them.

    Args:
        texts: the tunes.
        preprocessor: gives the token ids of MIDI.
        characters: those of ABC that have a symbol of their own.
    """
    known = {c: k for k, c in enumerate(characters, UNKNOWN + 1)}
    boundary = np.array([BOUNDARY])
    parts = [boundary]
    for text in texts:
        if preprocessor.notation == ABC:
            ids = np.array([known.get(c, UNKNOWN) for c in text], dtype=np.int64)
        else:
            ids = preprocessor.encode(text)
        parts += [ids, boundary]
    return np.concatenate(parts)


def content_hashes(texts: Sequence[str]) -> np.ndarray:
    """A number for each tune by its text, to recognise tunes of the training set, int64 [N]."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts)
    return np.array([int.from_bytes(d[:7], "big") for d in digests], dtype=np.int64)
