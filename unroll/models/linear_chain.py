"""Sums over all label sequences of many chains, quickly: what fitting a linear-chain CRF needs.

N steps of all chains, K labels. Chains are sorted from the longest to the shortest and their steps
put one time after the other, so that the running chains of a time are neighbouring rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ChainWeights:
    """The score of beginning with, following and ending in a label; minus infinity where forbidden.

    Attributes:
        begin: [K].
        pairs: [K, K], from a label to the next.
        end: [K].
    """

    begin: np.ndarray
    pairs: np.ndarray
    end: np.ndarray


class ChainOrder:
    """The steps of chains, one time after the other.

    Args:
        lengths: steps of each chain, each at least 1.

    Attributes:
        order: the row of each step in the chains end to end, int64 [N].
        starts: the first row of each time, and N, int64 [T + 1].
        last: the row of the last step of each chain, longest chain first.

    Examples:
        >>> from unroll.models.linear_chain import ChainOrder
        >>> order = ChainOrder([1, 3])
        >>> order.order.tolist(), order.starts.tolist(), order.last.tolist()
        ([1, 0, 2, 3], [0, 2, 3, 4], [3, 1])
    """

    def __init__(self, lengths: Sequence[int] | np.ndarray) -> None:
        sizes = np.asarray(lengths, dtype=np.int64)
        by_length = np.argsort(-sizes, kind="stable")
        first = (np.cumsum(sizes) - sizes)[by_length]
        sorted_sizes = sizes[by_length]
        times = np.arange(int(sizes.max(initial=0)))
        running = np.searchsorted(-sorted_sizes, -times, side="left")  # chains longer than t
        self.starts = np.concatenate([[0], np.cumsum(running)]).astype(np.int64)
        parts = [first[:n] + t for t, n in zip(times, running, strict=True)]
        self.order = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
        self.last = self.starts[sorted_sizes - 1] + np.arange(len(sizes))

    def rows(self, time: int) -> slice:
        """The rows of a time."""
        return slice(int(self.starts[time]), int(self.starts[time + 1]))

    @property
    def times(self) -> int:
        """T, the length of the longest chain."""
        return len(self.starts) - 1

    def before(self) -> np.ndarray:
        """The row of the step before, of each row after the first time."""
        sizes = np.diff(self.starts)
        return np.concatenate(
            [self.starts[t - 1] + np.arange(sizes[t]) for t in range(1, self.times)]
            or [np.zeros(0, dtype=np.int64)]
        )


@dataclass(frozen=True)
class ChainSums:
    """The negative log-probability of labels, and its gradients.

    Attributes:
        loss: summed over chains, in nats.
        scores: its gradient with respect to the scores, [N, K].
        begin: [K].
        pairs: [K, K].
        end: [K].
    """

    loss: float
    scores: np.ndarray
    begin: np.ndarray
    pairs: np.ndarray
    end: np.ndarray


def chain_sums(
    scores: np.ndarray, labels: np.ndarray, order: ChainOrder, weights: ChainWeights
) -> ChainSums:
    """The negative log-probability of labels in a linear-chain CRF, and its gradients.

        p(y) = exp(begin[y_1] + sum_t s_t[y_t] + sum_t pairs[y_{t-1}, y_t] + end[y_T]) / Z

    Forward and backward sums are scaled at each step, so that they are products of matrices.

    Args:
        scores: [N, K], in the order of `order`.
        labels: the number of the label of each step, int64 [N], in the same order.
        order: of the chains.
        weights: those between labels.

    Source: L. R. Rabiner, A tutorial on hidden Markov models, 1989, section V.A (scaling).
    """
    N = len(scores)
    top = scores.max(1, keepdims=True)
    emitted = np.exp(scores - top)
    pairs_top = weights.pairs.max()
    moves = np.exp(weights.pairs - pairs_top)
    end = np.exp(weights.end)
    alpha, scale = np.empty_like(emitted), np.empty((N, 1), emitted.dtype)
    for t in range(order.times):
        rows = order.rows(t)
        if t:
            before = order.rows(t - 1)
            now = alpha[before.start : before.start + rows.stop - rows.start] @ moves
        else:
            now = np.exp(weights.begin)[None]
        now = now * emitted[rows]
        scale[rows] = now.sum(1, keepdims=True)
        alpha[rows] = now / scale[rows]
    final = alpha[order.last] @ end
    beta = np.empty_like(alpha)
    beta[order.last] = end / final[:, None]
    after = emitted / scale  # times beta: what a step hands back
    for t in range(order.times - 1, 0, -1):
        rows = order.rows(t)
        after[rows] *= beta[rows]
        start = int(order.starts[t - 1])
        beta[start : start + rows.stop - rows.start] = after[rows] @ moves.T
    earlier = order.before()
    later = slice(int(order.starts[1]), N)
    chances = alpha * beta
    expected = moves * (alpha[earlier].T @ after[later])
    first = order.rows(0)
    path = float(
        scores[np.arange(N), labels].sum(dtype=np.float64)
        + weights.begin[labels[first]].sum(dtype=np.float64)
        + weights.pairs[labels[earlier], labels[later]].sum(dtype=np.float64)
        + weights.end[labels[order.last]].sum(dtype=np.float64)
    )
    normaliser = float(
        np.log(scale).sum(dtype=np.float64)
        + top.sum(dtype=np.float64)
        + (N - later.start) * float(pairs_top)
        + np.log(final).sum(dtype=np.float64)
    )
    K = scores.shape[1]
    into_begin, into_end = chances[first].sum(0), chances[order.last].sum(0)
    into_begin -= np.bincount(labels[first], minlength=K)
    into_end -= np.bincount(labels[order.last], minlength=K)
    np.subtract.at(expected, (labels[earlier], labels[later]), 1)
    chances[np.arange(N), labels] -= 1
    return ChainSums(normaliser - path, chances, into_begin, expected, into_end)


def label_sums(scores: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The negative log-probability of labels that are chosen each alone, in nats, and its gradient.

    Args:
        scores: [N, K].
        labels: int64 [N].

    Returns:
        The sum over N, and its gradient with respect to the scores, [N, K].
    """
    each = np.arange(len(labels))
    top = scores.max(1, keepdims=True)
    chances = np.exp(scores - top)
    sums = chances.sum(1, keepdims=True)
    right = (scores[each, labels] - top[:, 0]).sum(dtype=np.float64)
    loss = float(np.log(sums).sum(dtype=np.float64) - right)
    chances /= sums
    chances[each, labels] -= 1
    return loss, chances


def most_likely_chain(scores: np.ndarray, order: ChainOrder, weights: ChainWeights) -> np.ndarray:
    """The most likely labels of all chains (Viterbi's algorithm), int64 [N].

    Args:
        scores: [N, K], in the order of `order`, as the labels that are returned.
        order: of the chains.
        weights: those between labels.

    Examples:
        >>> import numpy as np
        >>> from unroll.models.linear_chain import ChainOrder, ChainWeights, most_likely_chain
        >>> weights = ChainWeights(np.zeros(2), np.array([[0.0, -9.0], [-9.0, 0.0]]), np.zeros(2))
        >>> most_likely_chain(np.array([[3.0, 0.0], [0.0, 1.0]]), ChainOrder([2]), weights).tolist()
        [0, 0]
    """
    best = scores.copy()
    back = np.zeros(scores.shape, dtype=np.int32)
    into = np.ascontiguousarray(weights.pairs.T)
    for t in range(order.times):
        rows = order.rows(t)
        if t == 0:
            best[rows] += weights.begin
            continue
        start = int(order.starts[t - 1])
        paths = best[start : start + rows.stop - rows.start, None, :] + into  # [running, to, from]
        back[rows] = chosen = paths.argmax(2)
        best[rows] += np.take_along_axis(paths, chosen[..., None], 2)[..., 0]
    labels = np.zeros(len(scores), dtype=np.int64)
    labels[order.last] = (best[order.last] + weights.end).argmax(1)
    for t in range(order.times - 1, 0, -1):
        rows = order.rows(t)
        start = int(order.starts[t - 1])
        labels[start : start + rows.stop - rows.start] = back[
            np.arange(rows.start, rows.stop), labels[rows]
        ]
    return labels
