"""What a network of words can learn of a text that a run reads so often: its shortlist, and its weight drop."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

SEEN = 50.0  # times that a run reads a word that the network tells apart; chosen by trials
FEWEST = 500  # words of a shortlist
ALMOST_ALL = 0.9  # of the vocabulary, from which on a shortlist saves nothing
DROPPED_CELLS = ("lstm", "gru", "rnn", "rnn_relu")  # whose weight drop was tried, or is the same


def best_shortlist(counts: np.ndarray, tokens: int, epochs: Callable[[int], float]) -> int | None:
    """How many words the network tells apart: the most, of which a run reads each often enough.

    A shorter list makes steps faster, so that the text is read more often.

    Args:
        counts: how often each word comes, the most frequent first, in a part of the text [V].
        tokens: of the whole text.
        epochs: how often the run reads it with a shortlist of a length.

    Returns:
        Words of the shortlist; None: all of them.
    """
    often = np.sort(counts)[::-1] * (tokens / max(1, int(counts.sum())))
    low, high = 1, len(counts)
    while low < high:
        middle = (low + high + 1) // 2
        if often[middle - 1] * epochs(middle) >= SEEN:
            low = middle
        else:
            high = middle - 1
    found = max(FEWEST, low)
    return None if found >= ALMOST_ALL * len(counts) else found


def best_weight_drop(cell: str, epochs: float) -> float:
    """Dropout of recurrent weights for a text that is read so many times: none of one read once."""
    if cell not in DROPPED_CELLS:
        return 0.0
    return round(min(0.5, 0.1 * math.log2(max(1.0, epochs))), 2)
