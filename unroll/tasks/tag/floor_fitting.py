"""Fit the simple model of a tagger: L-BFGS on the log-likelihood of a linear-chain CRF.

N words of all sentences, F features that have weights, K labels, P pairs of a feature and a label that
have a weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch.nn.functional import embedding_bag

from unroll.models.linear_chain import (
    ChainOrder,
    ChainWeights,
    chain_sums,
    label_sums,
)
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.floor import (
    MOST_CHAINED,
    VECTOR_REACH,
    TagFloor,
    TagFloorRecord,
    find_rows,
    forbid,
)
from unroll.tasks.tag.floor_features import hash_features
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.schemes import allowed_transitions
from unroll.tasks.tag.tuning import best_score

PENALTIES = (3.0, 1.0, 0.3, 0.1)  # tried from the strongest on, each from the weights before
MANY_WORDS = 100_000  # of a training set that needs no strong penalty
QUICK, QUICK_PENALTY = 3e5, 1.0  # features of words a second, of more only one penalty is tried
ITERATIONS, FURTHER_ITERATIONS = 15, 8  # of the first penalty, of each next one
LEAST_ITERATIONS = 5  # also where the time is over: without a simple model nothing else is good
MOST_WEIGHTS = 3_000_000  # features that are too rare to fit within it are left out
FEW_WORDS = 5000  # of a training set whose features count from their first occurrence on
CURVATURE = 0.1  # of the loss of one word in one weight, about p (1 - p)
FREQUENT = 10  # occurrences of a feature that also has weights for labels that it never occurs with
REMEMBERED = 5  # steps that L-BFGS remembers


@dataclass(frozen=True)
class Chains:
    """Sentences as the fit sees them.

    Attributes:
        matrix: which features each word has, sparse [N, F].
        around: the vectors of each word and its neighbours, float32 [N, D]; D is 0 without vectors.
        order: of the words, one time after the other.
        labels: int64 [N], in that order.
        sentences: as given.
    """

    matrix: Any
    around: np.ndarray
    order: ChainOrder
    labels: np.ndarray
    sentences: Sequence[Sentence]


def make_chains(
    sentences: Sequence[Sentence], rows: np.ndarray, features: int, preprocessor: TagPreprocessor
) -> Chains:
    """Sentences as the fit sees them.

    Args:
        sentences: with tags that the preprocessor knows.
        rows: the row of each feature of each word, `features` where it has no weights; [N, any].
        features: F.
        preprocessor: knows the labels.
    """
    from scipy.sparse import csr_matrix

    order = ChainOrder([len(s.words) for s in sentences])
    labels = np.concatenate([preprocessor.label_numbers(s.tags or ()) for s in sentences])
    rows = rows[order.order]
    has = rows < features
    starts = np.concatenate([[0], np.cumsum(has.sum(1))])
    values = np.ones(int(starts[-1]), dtype=np.float32)
    matrix = csr_matrix((values, rows[has], starts), shape=(len(rows), features))
    around = np.zeros((len(rows), 0), dtype=np.float32)
    if preprocessor.vectors is not None:
        around = preprocessor.vectors.around(sentences, VECTOR_REACH)[order.order]
    return Chains(matrix, around, order, labels[order.order], sentences)


def fit_tag_floor(
    train: Sequence[Sentence],
    valid: Sequence[Sentence],
    preprocessor: TagPreprocessor,
    *,
    seconds: float | None = None,
    penalty: float | None = None,
) -> TagFloor:
    """The simple model of a training set.

    Args:
        train: the training set.
        valid: the validation set, which chooses the penalty; empty where that is given.
        preprocessor: knows the labels.
        seconds: that it may take, about. Default: until it has converged.
        penalty: of the squares of the weights. Default: the one of `PENALTIES` with the highest F1 of
            spans, or the highest accuracy, on the validation set; with few seconds, or without a
            sentence of known tags there, a fixed one.
    """
    ends = None if seconds is None else monotonic() + seconds
    keys, rows = keep_features(hash_features(train), len(preprocessor.labels))
    chains = make_chains(train, rows, len(keys), preprocessor)
    fit = FloorFit(chains, preprocessor, ends)
    if penalty is None and seconds is not None and chains.matrix.nnz > QUICK * seconds:
        penalty = QUICK_PENALTY
    known = [s for s in valid if preprocessor.knows_tags(s)]
    if penalty is None and not known:
        penalty = QUICK_PENALTY
    if penalty is not None:
        fit.run(penalty, ITERATIONS)
        return fit.floor(keys, penalty, refitted=False)
    rows = find_rows(keys, hash_features(known))
    validation = make_chains(known, rows, len(keys), preprocessor)
    first, *others = PENALTIES[1:] if len(chains.labels) > MANY_WORDS else PENALTIES
    fit.run(first, ITERATIONS)
    best, reached = fit.floor(keys, first, refitted=False), fit.measure(validation)
    for each in others:
        if ends is not None and monotonic() > ends:
            break
        fit.run(each, FURTHER_ITERATIONS)
        now = fit.measure(validation)
        if now <= reached:
            break
        best, reached = fit.floor(keys, each, refitted=False), now
    return best


def keep_features(features: np.ndarray, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """The features that are frequent enough to have weights.

    Args:
        features: of each word of the training set, uint64 [N, any].
        labels: K.

    Returns:
        Their numbers, ascending, uint64 [F], and the row of each feature of each word, F where it has
        no weights.
    """
    every, places, counts = np.unique(features, return_inverse=True, return_counts=True)
    least = 1 if len(features) <= FEW_WORDS else 2
    while np.count_nonzero(counts >= least) * labels > MOST_WEIGHTS:
        least += 1
    kept = counts >= least
    rows = np.where(kept, np.cumsum(kept) - 1, np.count_nonzero(kept))
    return every[kept], rows[places].reshape(features.shape)


def summed_rows(matrix: Any, table: np.ndarray) -> np.ndarray:
    """The product of a sparse matrix of ones and a table, in a third of the time that scipy takes.

    Args:
        matrix: sparse [R, C] in rows.
        table: float32 [C, K].

    Returns:
        float32 [R, K].
    """
    rows, starts = torch.from_numpy(matrix.indices), torch.from_numpy(matrix.indptr)
    summed: np.ndarray = embedding_bag(
        rows, torch.from_numpy(table), starts, mode="sum", include_last_offset=True
    ).numpy()
    return summed


def weighted_pairs(transposed: Any, labels: np.ndarray, count: int) -> np.ndarray:
    """The pairs of a feature and a label that have a weight, int64 [P]: feature * K + label, ascending.

    Those that occur together, and all of a frequent feature.

    Args:
        transposed: which words each feature has, sparse [F, N] in rows.
        labels: of the words, int64 [N].
        count: K.
    """
    counts = np.diff(transposed.indptr).astype(np.int64)
    features = np.repeat(np.arange(len(counts)), counts)
    own = features * count + labels[transposed.indices]
    of_frequent = np.flatnonzero(counts >= FREQUENT)[:, None] * count + np.arange(count)
    return np.union1d(own, of_frequent.ravel())


class FloorFit:
    """Weights that are fitted to a training set, penalty after penalty.

    A feature has a weight for each label that it occurs with, and for every label where it is frequent;
    the others stay 0: they are most of all, and say little. Variables are the weights divided by about
    the square root of their inverse curvature, with which L-BFGS needs few steps although some features
    are a thousand times as frequent as others.

    Args:
        chains: the training set.
        preprocessor: knows labels and scheme.
        ends: the time of `monotonic` at which it stops. None: when it has converged.
    """

    def __init__(self, chains: Chains, preprocessor: TagPreprocessor, ends: float | None) -> None:
        self.chains, self.preprocessor, self.ends = chains, preprocessor, ends
        self.transposed = chains.matrix.T.tocsr()
        F, D = chains.matrix.shape[1], chains.around.shape[1]
        K = len(preprocessor.labels)
        self.places = weighted_pairs(self.transposed, chains.labels, K)
        self.counts = np.diff(self.transposed.indptr)[self.places // K].astype(np.float64)
        self.squares = np.square(chains.around).sum(0, dtype=np.float64)
        self.shape, self.chained = (F, D, K), K <= MOST_CHAINED
        between = [K, K * K, K] if self.chained else []
        self.ends_of = np.cumsum([len(self.places), D * K, *between])
        self.allowed = allowed_transitions(preprocessor.labels, preprocessor.scheme)
        self.values = np.zeros(int(self.ends_of[-1]))

    def start_from(self, floor: TagFloor, keys: np.ndarray) -> None:
        """Begin with the weights of a simple model. keys: of the features here."""
        K = self.shape[2]
        padded = np.concatenate([floor.weights.astype(np.float64), np.zeros((1, K))])
        parts = [padded[find_rows(floor.keys, keys)].ravel()[self.places]]
        if floor.dense is not None:
            parts.append(floor.dense)
        if floor.chain is not None:
            parts += vars(floor.chain).values()
        values = np.concatenate([np.ravel(part) for part in parts])
        self.values = np.where(np.isfinite(values), values, 0)

    def weights(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, ChainWeights | None]:
        """The weights of features [F, K], of vectors [D, K] and those between labels."""
        F, D, K = self.shape
        of_features, of_vectors, *between = np.split(values, self.ends_of[:-1])
        own = np.zeros(F * K, dtype=np.float32)
        own[self.places] = of_features
        own = own.reshape(F, K)
        dense = of_vectors.reshape(D, K).astype(np.float32)
        if not self.chained:
            return own, dense, None
        begin, pairs, end = between
        parts = (begin, pairs.reshape(K, K), end)
        chain = ChainWeights(*(part.astype(np.float32) for part in parts))
        return own, dense, forbid(chain, self.allowed)

    def scores(self, chains: Chains, own: np.ndarray, dense: np.ndarray) -> np.ndarray:
        """The scores of words, [N, K]. own: weights of features; dense: those of vectors."""
        scores = summed_rows(chains.matrix, own)
        return scores + chains.around @ dense if dense.size else scores

    def loss(self, values: np.ndarray) -> tuple[float, np.ndarray]:
        """The negative log-likelihood of the training set, and its gradient."""
        own, dense, chain = self.weights(values)
        scores = self.scores(self.chains, own, dense)
        if chain is None:
            total, into = label_sums(scores, self.chains.labels)
            parts = []
        else:
            sums = chain_sums(scores, self.chains.labels, self.chains.order, chain)
            total, into = sums.loss, sums.scores
            parts = [sums.begin, sums.pairs.ravel(), sums.end]
        into = into.astype(np.float32)
        of_features = summed_rows(self.transposed, into).ravel()[self.places]
        slopes = [of_features, (self.chains.around.T @ into).ravel()]
        return total, np.concatenate([*slopes, *parts]).astype(np.float64)

    def run(self, penalty: float, iterations: int) -> None:
        """Steps of L-BFGS from the present weights. penalty: half of it times the sum of squares."""
        from scipy.optimize import minimize

        K = self.shape[2]
        between = np.full(K * K + 2 * K if self.chained else 0, len(self.chains.labels) / K)
        counts = np.concatenate([self.counts, np.repeat(self.squares, K), between])
        curvature = CURVATURE * counts
        scale = 1 / np.sqrt(curvature + penalty)

        def loss(variables: np.ndarray) -> tuple[float, np.ndarray]:
            values = variables * scale
            total, slope = self.loss(values)
            total += penalty / 2 * float(values @ values)
            return total, (slope + penalty * values) * scale

        taken = count(1)

        def stop_in_time(_: np.ndarray) -> None:
            enough = next(taken) >= LEAST_ITERATIONS
            if enough and self.ends is not None and monotonic() > self.ends:
                raise StopIteration

        options = {"maxiter": iterations, "maxcor": REMEMBERED}
        if not self.values.any():
            # each of the features of a word takes its part of Newton's step
            parts = self.chains.matrix.nnz / len(self.chains.labels) + self.shape[1]
            self.values = -loss(self.values)[1] * scale / max(1.0, parts)
        found = minimize(
            loss,
            self.values / scale,
            jac=True,
            method="L-BFGS-B",
            callback=stop_in_time,
            options=options,
        )
        self.values = found.x * scale

    def measure(self, chains: Chains) -> float:
        """The F1 of spans, with the best score of words outside spans, or the accuracy."""
        own, dense, chain = self.weights(self.values)
        scores = self.scores(chains, own, dense)
        return best_score(scores, chain, chains.order, chains.sentences, self.preprocessor)[0]

    def floor(self, keys: np.ndarray, penalty: float, *, refitted: bool) -> TagFloor:
        """The present weights as a simple model, without the features that weigh nothing."""
        own, dense, chain = self.weights(self.values)
        rounded = own.astype(np.float16)
        kept = rounded.any(1)
        record = TagFloorRecord(1, penalty, refitted)
        if chain is not None:
            chain = ChainWeights(*(part.astype(np.float32) for part in vars(chain).values()))
        vectors = self.preprocessor.vectors
        return TagFloor(
            keys[kept],
            rounded[kept],
            chain,
            record,
            vectors,
            None if vectors is None else dense.astype(np.float16),
        )
