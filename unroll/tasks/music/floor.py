"""The simple model that the network of tunes is mixed with: modified Kneser-Ney n-grams of tokens."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from unroll.models.discounts import fit_on
from unroll.models.gram_counts import GramCounts
from unroll.models.kneser_ney import KneserNey
from unroll.saved_files import Damaged, is_listed
from unroll.training.checkpoint import pack_arrays, read_arrays

FILE = "floor.safetensors"
BOUNDARY = 0  # begins and ends every tune
MOST_ORDER = 8  # tokens of the longest gram
MOST_TOKENS = 4_000_000  # that are counted
CHOOSING_TOKENS = 200_000  # of the validation set that choose order and discounts


def fit_floor(
    train: Iterable[np.ndarray], valid: Iterable[np.ndarray], vocabulary_size: int
) -> KneserNey:
    """Count the n-grams of tunes; order and discounts are the best on a validation set.

    Args:
        train: the ids of each tune of the training set.
        valid: the ids of each tune of the validation set.
        vocabulary_size: V.
    """
    grams = GramCounts.of(joined(train), vocabulary_size, MOST_ORDER, BOUNDARY)
    return fit_on(grams, joined(valid, CHOOSING_TOKENS))


def count_again(floor: KneserNey, tunes: Iterable[np.ndarray]) -> KneserNey:
    """The same order and discounts, with the counts of other tunes."""
    grams = GramCounts.of(joined(tunes), floor.vocabulary_size, floor.order, BOUNDARY)
    return KneserNey.of_counts(grams, floor.order, floor.discounts)


def joined(tunes: Iterable[np.ndarray], most: int = MOST_TOKENS) -> np.ndarray:
    """The ids of tunes end to end, a boundary before, between and after them; at most the last `most`."""
    boundary = np.array([BOUNDARY], dtype=np.int64)
    parts = [boundary]
    for ids in tunes:
        parts += [ids.astype(np.int64), boundary]
    return np.concatenate(parts)[-most:]


def floor_files(floor: KneserNey) -> dict[str, bytes]:
    """The file of a run folder that holds the n-grams."""
    return {FILE: pack_arrays(floor.arrays())}


def load_floor(folder: Path, vocabulary_size: int) -> KneserNey | None:
    """The n-grams that a run folder holds; None where the network was trained alone.

    Args:
        folder: the run folder.
        vocabulary_size: V.

    Raises:
        Damaged: where the file is damaged.
    """
    if not is_listed(folder, FILE):
        return None
    arrays = read_arrays(folder, FILE)
    try:
        return KneserNey.from_arrays(vocabulary_size, arrays)
    except ValueError as error:
        problem = f"{folder / FILE} does not hold n-grams: {str(error)[:80]}"
        raise Damaged(problem) from error
