"""Several models of the same classes as one: how much each counts, fitted on a validation set.

R records, S scores of each, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SPREAD = 0.5  # deviation of a share around the expected one, before any record is seen


def fit_log_linear(
    scores: np.ndarray,
    targets: np.ndarray,
    expected: Sequence[float],
    spread: float = SPREAD,
) -> np.ndarray:
    """How much each score counts: the shares with the lowest cross-entropy, none below 0.

    When to use it: to combine a network with a simple model, and to turn scores of a linear model
    into probabilities.

        p = softmax(sum_s share_s score_s), or sigmoid where a record may have several classes

    The loss is convex in the shares; a normal prior around the expected shares decides where the
    records are few, and one made-up record with all classes equally likely is added: a few records
    that are all right do not prove that the next one is. Source: G. Hinton, Products of experts,
    1999; the added record as in J. Platt, Probabilistic outputs for support vector machines, 1999.

    Args:
        scores: of records on which no model was fitted, [R, S, K].
        targets: classes [R], or bool [R, K] where a record may have several.
        expected: the shares before any record is seen, [S].
        spread: how far they may be from it: the deviation of the prior, in the same unit.

    Returns:
        The shares, float64 [S].

    Examples:
        >>> import numpy as np
        >>> from unroll.models.log_linear import fit_log_linear
        >>> right, noise = np.array([[2.0, -2.0]] * 200), np.random.default_rng(0).normal(size=(200, 2))
        >>> fit_log_linear(np.stack([right, noise], 1), np.zeros(200, int), [1, 0]).round(1).tolist()
        [1.4, 0.0]
    """
    from scipy.optimize import minimize

    multi_label = targets.ndim == 2
    R, _, K = scores.shape
    centre = np.asarray(expected, dtype=np.float64)
    if not R:
        return centre
    true = (
        targets.astype(float) if multi_label else (targets[:, None] == np.arange(K)).astype(float)
    )
    true = true + (0.5 if multi_label else 1 / K) / R  # the made-up record
    total = (1 + 1 / R) if multi_label else true.sum(1, keepdims=True)

    def loss(shares: np.ndarray) -> tuple[float, np.ndarray]:
        z = combine_scores(scores, shares)
        distance = (shares - centre) / spread
        if multi_label:
            nats = (total * np.logaddexp(0, z) - true * z).sum()
            p = 1 / (1 + np.exp(-z.clip(-500, 500)))
        else:
            top = z.max(1, keepdims=True)
            log_sum = np.log(np.exp(z - top).sum(1, keepdims=True)) + top
            nats = (total * log_sum).sum() - (true * z).sum()
            p = np.exp(z - log_sum)
        gradient = np.einsum("rk,rsk->s", total * p - true, scores)
        return float(nats + (distance**2).sum() / 2), gradient + distance / spread

    bounds = [(0.0, None)] * len(centre)
    found = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds)
    shares: np.ndarray = np.asarray(found.x, dtype=np.float64)
    return shares


def combine_scores(scores: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The sum of scores [R, S, K] with shares [S]: [R, K]."""
    combined: np.ndarray = np.einsum("s,rsk->rk", shares, scores)
    return combined


def scores_to_probabilities(scores: np.ndarray, multi_label: bool) -> np.ndarray:
    """Probabilities [R, K] from scores [R, K]: softmax, or sigmoid where there may be several."""
    if multi_label:
        sigmoids: np.ndarray = 1 / (1 + np.exp(-scores.clip(-500, 500)))
        return sigmoids
    z = np.exp(scores - scores.max(1, keepdims=True))
    softmax: np.ndarray = z / z.sum(1, keepdims=True)
    return softmax
