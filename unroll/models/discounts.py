"""The order and the discounts of an n-gram model that predict a validation set best.

The discounts that Chen and Goodman take from the counts of counts (`kneser_ney.usual_discounts`) hold for new
tokens of the same kind as those counted. A validation set is a later part of the text, where long grams are
rarer: discounts that are fitted to it are larger there, and predict further text better.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unroll.models.gram_counts import GramCounts
from unroll.models.kneser_ney import KneserNey

SPREAD = (
    0.3  # how far a discount may lie from the usual one before the validation set has to say so
)
ITERATIONS = 60
LEAST = 1e-3  # of a discount, and of what it leaves
TOO_LITTLE = 2e-3  # nats by which a longer gram has to be better


class Level(NamedTuple):
    """What the equation has for each token of a validation set, for histories of one length.

    Attributes:
        share: c(h w) / c(h .), [N].
        kind: whether c(h w) is 1, 2, or more, over c(h .), [N, 3].
        followers: N1, N2 and N3+ of h over c(h .), [N, 3].
        known: whether anything followed h, [N].
    """

    share: np.ndarray
    kind: np.ndarray
    followers: np.ndarray
    known: np.ndarray


def fit_on(grams: GramCounts, valid: np.ndarray) -> KneserNey:
    """The n-gram model whose order and discounts are best on a validation set.

    From the order that is best with the usual discounts on, it is raised as long as that helps.

    Args:
        grams: counted in the training set.
        valid: the validation set, ids [N]; its first token is not predicted.
    """
    if len(valid) < 2:
        return KneserNey.of_counts(grams, min(grams.order, 3))
    nats = [
        -float(KneserNey.of_counts(grams, order).log_probabilities(valid).mean())
        for order in range(1, grams.order + 1)
    ]
    best = 1 + int(np.argmin(nats))
    found, loss = fit_discounts(grams, best, valid)
    for order in range(best + 1, grams.order + 1):
        longer, better = fit_discounts(grams, order, valid)
        if better > loss - TOO_LITTLE:
            break
        found, loss = longer, better
    return found


def fit_discounts(grams: GramCounts, order: int, valid: np.ndarray) -> tuple[KneserNey, float]:
    """The model of an order with the discounts that are best on a validation set.

        minimise  -mean ln p(valid) + sum ((D - usual D) / SPREAD)^2 / (2 N)

    by L-BFGS with bounds; the second term keeps the usual discounts where there is little to learn from.

    Args:
        grams: counted in the training set.
        order: n.
        valid: the validation set, ids [N].

    Returns:
        The model, and its nats per token on the validation set.
    """
    from scipy.optimize import minimize

    usual = KneserNey.of_counts(grams, order)
    levels = levels_of(usual, valid)
    steps = len(valid) - 1
    start = usual.discounts.clip(LEAST, np.arange(1, 4) - LEAST)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and its gradient for discounts [3 n]."""
        discounts = flat.reshape(-1, 3)
        loss, gradient = nats_and_gradient(levels, discounts, grams.vocabulary_size)
        away = (discounts - start) / SPREAD
        return loss + float((away**2).sum()) / (2 * steps), (
            gradient + away / (SPREAD * steps)
        ).ravel()

    bounds = [(LEAST, most - LEAST) for most in (1, 2, 3)] * usual.order
    found = minimize(
        objective,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": ITERATIONS},
    )
    discounts = found.x.reshape(-1, 3)
    nats, _ = nats_and_gradient(levels, discounts, grams.vocabulary_size)
    return KneserNey.of_counts(grams, order, discounts), nats


def levels_of(model: KneserNey, valid: np.ndarray) -> list[Level]:
    """The terms of the equation for each token of a validation set [N] but the first, by length."""
    ids = np.asarray(valid, dtype=np.int64)
    size, total = len(ids), model.after
    prefix, kinds = model.keys // model.vocabulary_size, np.minimum(model.counts, 3)
    followers = np.stack(
        [np.bincount(prefix, weights=kinds == kind, minlength=len(total)) for kind in (1, 2, 3)], 1
    )
    counts = np.concatenate([[0], model.counts, [0]])
    levels, history = [], np.zeros(size, dtype=np.int64)
    for k in range(min(model.order, size)):
        history = history[: size - k]
        gram = model.find(history, ids[k:])
        after, count = np.zeros(size), np.zeros(size, dtype=np.int64)
        after[k:], count[k:] = total[history], counts[gram]
        different = np.zeros((size, 3))
        different[k:] = followers[history]
        known, after = after > 0, np.maximum(after, 1)
        kind = np.minimum(count, 3)[:, None] == np.arange(1, 4)
        level = Level(count / after, kind / after[:, None], different / after[:, None], known)
        levels.append(Level(*(each[1:] for each in level)))
        history = gram
    return levels


def nats_and_gradient(
    levels: list[Level], discounts: np.ndarray, vocabulary_size: int
) -> tuple[float, np.ndarray]:
    """-mean ln p, and its gradient with respect to the discounts [n, 3].

    Args:
        levels: of the tokens, by length.
        discounts: D1, D2 and D3 of each length [n, 3].
        vocabulary_size: V.
    """
    p = np.full(len(levels[0].share), 1.0 / vocabulary_size)
    shorter, left = [], []
    for level, discount in zip(levels, discounts, strict=False):
        shorter.append(p)
        left.append(np.where(level.known, level.followers @ discount, 1.0))
        p = level.share - level.kind @ discount + left[-1] * p
    gradient = np.zeros_like(discounts)
    slope = -1 / p / len(p)
    for k in reversed(range(len(levels))):
        gradient[k] = (slope * shorter[k]) @ levels[k].followers - slope @ levels[k].kind
        slope = slope * left[k]
    return -float(np.log(p).mean()), gradient
