"""How well a number predicts a label, with an interval: area under the curve, correlation, R squared.

N steps, R resamplings, B blocks (lines, sentences, stretches of a text), P sets of labels, U units, F folds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

RESAMPLINGS = 100  # of blocks, for an interval
STRENGTHS = (1e-4, 1e-2, 1.0)  # of the ridge, times the number of steps: standardised units
FOLDS = 5

# predictions [N], labels [N], weights [N, R] -> [R]
Measure = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Estimate:
    """A measured number with its interval.

    Attributes:
        value: over all steps.
        low: 2.5 % of the resamplings are below.
        high: 2.5 % of the resamplings are above.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


def area_under_curve(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The probability that a step of label 1 is above one of label 0; equal ones count half.

        AUC = sum_ij w_i w_j ([x_i > x_j] + [x_i = x_j] / 2) / sum_ij w_i w_j,   y_i = 1, y_j = 0

    Args:
        predicted: x [N].
        labels: y, ones and zeros [N].
        weights: of the steps, [N, R].

    Returns:
        [R]; 0.5 where all labels are equal.
    """
    _, place, counts = predicted.unique(return_inverse=True, return_counts=True)
    zeros = weights * (labels == 0)[:, None]
    ones = weights * (labels == 1)[:, None]
    shape = (len(counts), weights.shape[1])
    zero = torch.zeros(shape, dtype=weights.dtype).index_add_(0, place, zeros)
    one = torch.zeros(shape, dtype=weights.dtype).index_add_(0, place, ones)
    above = (one * (zero.cumsum(0) - zero / 2)).sum(0)
    pairs = zero.sum(0) * one.sum(0)
    return torch.where(pairs > 0, above / pairs.clamp(min=1e-300), 0.5)


def correlation(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Pearson's correlation of two numbers [N] under weights [N, R]; 0 where one does not vary. [R]"""
    share = weights / weights.sum(0)
    x = predicted[:, None] - predicted @ share
    y = labels[:, None] - labels @ share
    spread = ((share * x**2).sum(0) * (share * y**2).sum(0)).sqrt()
    return torch.where(spread > 1e-12, (share * x * y).sum(0) / spread.clamp(min=1e-300), 0.0)


def r_squared(predicted: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """The share of the variance of a label [N] that is predicted, under weights [N, R]. [R]

    1: all of it; 0: no better than the mean; negative: worse than the mean.
    """
    share = weights / weights.sum(0)
    y = labels[:, None] - labels @ share
    error = (share * ((predicted - labels) ** 2)[:, None]).sum(0)
    return 1 - error / (share * y**2).sum(0).clamp(min=1e-300)


def estimate(
    measure: Measure, predicted: Tensor, labels: Tensor, blocks: Tensor, seed: int = 1
) -> Estimate:
    """A measure with its interval, by drawing whole blocks again with replacement.

    Steps beside each other are alike, so steps that were drawn one by one would give an interval that
    is too narrow.

    Args:
        measure: what is measured.
        predicted: [N].
        labels: [N].
        blocks: the number of the block of each step, [N].
        seed: of the draws.
    """
    _, place = blocks.unique(return_inverse=True)
    B = int(place.max()) + 1
    draws = torch.from_numpy(np.random.default_rng(seed).multinomial(B, [1 / B] * B, RESAMPLINGS))
    one = torch.ones(len(labels), 1, dtype=torch.float64)
    value = float(measure(predicted.double(), labels.double(), one))
    if B == 1:
        return Estimate(value, value, value)
    drawn = measure(predicted.double(), labels.double(), draws.T[place].double())
    low, high = drawn.quantile(torch.tensor([0.025, 0.975], dtype=drawn.dtype)).tolist()
    return Estimate(value, low, high)


def held_out_predictions(units: Tensor, labels: Tensor, folds: Tensor) -> Tensor:
    """Predictions of labels by ridge regression, of each fold by weights that have not seen it.

        w = argmin |X w + b - y|^2 + strength N |w|^2

    The strength is the one that predicts the fold after the held-out one best, without either.

    Args:
        units: X [N, U].
        labels: Y [N, P]; the strength is that of the first column.
        folds: the number of the fold of each step, [N].

    Returns:
        [N, P].
    """
    X = units.double()
    spread = X.std(0, correction=0)
    X = torch.where(spread > 1e-9, (X - X.mean(0)) / spread.clamp(min=1e-9), 0.0)
    X = torch.cat([X, torch.ones(len(X), 1, dtype=X.dtype)], 1)
    Y = labels.double()
    rows = [folds == k for k in folds.unique().tolist()]
    grams = [(X[own].T @ X[own], X[own].T @ Y[own], int(own.sum())) for own in rows]
    found = torch.zeros_like(Y)
    for k, own in enumerate(rows):
        strength = STRENGTHS[1]
        if len(rows) > 2:
            other = (k + 1) % len(rows)
            errors = [
                float(
                    (X[rows[other]] @ weights(grams, {k, other}, s) - Y[rows[other]])[:, 0].norm()
                )
                for s in STRENGTHS
            ]
            strength = STRENGTHS[errors.index(min(errors))]
        found[own] = X[own] @ weights(grams, {k}, strength)
    return found


def weights(grams: list[tuple[Tensor, Tensor, int]], without: set[int], strength: float) -> Tensor:
    """The weights of a ridge regression on all folds but some, [U + 1, P]; the last row is the bias.

    Args:
        grams: X^T X, X^T Y and the number of steps of each fold.
        without: numbers of folds.
        strength: of the ridge, times the number of steps.
    """
    kept = [gram for k, gram in enumerate(grams) if k not in without]
    A, N = sum(gram[0] for gram in kept), sum(gram[2] for gram in kept)
    ridge = torch.full([len(grams[0][0])], strength * N, dtype=torch.float64)
    ridge[-1] = 1e-6 * N  # the bias is free
    return torch.linalg.solve(A + ridge.diag(), sum(gram[1] for gram in kept))


def fold_numbers(blocks: Tensor) -> Tensor:
    """The fold of each step: whole blocks together; of a single block, stretches. [N]

    Args:
        blocks: the number of the block of each step, in order, [N].
    """
    _, place = blocks.unique(return_inverse=True)
    if int(place.max()) + 1 >= FOLDS:
        return place % FOLDS
    return torch.arange(len(blocks)) * FOLDS // len(blocks)


def labels_of_other_blocks(labels: Tensor, blocks: Tensor, count: int, seed: int = 1) -> Tensor:
    """Each step with the label that another block has at the same place: what chance scores, [N, count].

    Where the other block is shorter, its last label goes on. Labels of one block, and how they depend on
    the place in the line, stay as they are; only what they have to do with the text is lost.

    Args:
        labels: [N].
        blocks: the number of the block of each step, in order, [N].
        count: how many sets of labels.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    _, sizes = blocks.unique_consecutive(return_counts=True)
    parts = labels.split(sizes.tolist())
    if len(parts) == 1:
        shifts = random.integers(len(labels) // 4, 3 * len(labels) // 4 + 1, count)
        return torch.stack([labels.roll(int(shift)) for shift in shifts], 1)
    columns = []
    for _ in range(count):
        order = random.permutation(len(parts))
        others = np.empty(len(parts), dtype=np.int64)
        others[order] = np.roll(order, 1)  # no block keeps its own
        column = [
            parts[other][torch.arange(len(own)).clamp(max=len(parts[other]) - 1)]
            for own, other in zip(parts, others.tolist(), strict=True)
        ]
        columns.append(torch.cat(column))
    return torch.stack(columns, 1)
