"""The baselines of a language model: a unigram and an interpolated 5-gram model of the training set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from unroll.data.encoded import Encoded
from unroll.models.ngram import NGramModel
from unroll.tasks.baseline import load_baseline as load_arrays
from unroll.tasks.baseline import load_ngrams
from unroll.tasks.language.metrics import TextMetrics, text_metrics
from unroll.training.checkpoint import pack

ORDER = 5
MOST_TOKENS = 2_000_000  # of the training set that are counted
FILE = "baseline.safetensors"


def fit_baseline(train: Encoded, vocabulary_size: int) -> dict[str, bytes]:
    """Count the n-grams of a training set. Returns the files of a run folder that hold them."""
    ids = np.asarray(train.ids[: MOST_TOKENS + 1], dtype=np.int64)
    ids = ids[ids < vocabulary_size]  # a start that is never predicted is in no gram
    arrays = NGramModel.fit(ids, vocabulary_size, ORDER).arrays()
    return {FILE: pack({name: torch.from_numpy(array) for name, array in arrays.items()})}


def load_baseline(folder: Path, vocabulary_size: int) -> NGramModel:
    """The n-gram model that a run folder holds.

    Raises:
        UserError: where its file is damaged.
    """
    return load_ngrams(folder, vocabulary_size, load_arrays(folder))


def baseline_metrics(baseline: NGramModel, encoded: Encoded) -> dict[str, TextMetrics]:
    """The metrics of the unigram and of the interpolated n-gram model on a text, by name."""
    metrics = {}
    for name, order in (("unigram", 1), (f"{baseline.order}-gram", baseline.order)):
        nats = sum(
            -float(baseline.log_probabilities(chunk, order)[skip:].sum())
            for chunk, skip in overlapping_chunks(encoded.ids, baseline.order)
        )
        metrics[name] = text_metrics(nats, encoded.tokens, encoded)
    return metrics


def overlapping_chunks(
    ids: np.ndarray, order: int, size: int = 1 << 18
) -> Iterator[tuple[np.ndarray, int]]:
    """A long sequence in chunks, each with the history that its first n-gram needs.

    Args:
        ids: the sequence [N].
        order: of the n-grams.
        size: tokens that a chunk adds.

    Yields:
        A chunk, and how many of its predictions belong to the chunk before.
    """
    for start in range(0, len(ids) - 1, size):
        first = max(0, start - order + 1)
        yield np.asarray(ids[first : start + size + 1], dtype=np.int64), start - first
