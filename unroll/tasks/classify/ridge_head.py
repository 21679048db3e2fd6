"""The last layer of a classifier in closed form: ridge regression to ones and zeros."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from unroll.layers.ridge import Ridge
from unroll.tasks.classify.network import Classifier

PENALTIES = tuple(10.0**k for k in range(-8, 1))  # for each row
SCALES = tuple(2.0 ** (k / 2) for k in range(-2, 15))

# x, lengths and y of a batch, as `Classifier.loss` takes them
Batch = tuple[Tensor, Tensor, Tensor]
Batches = Callable[[], Iterable[Batch]]


@torch.no_grad()
def solve_head(network: Classifier, train: Batches, valid: Batches) -> float:
    """Set `network.decide` by ridge regression of its inputs; returns the penalty for each row.

    When to use it: where the recurrent part is a reservoir, which is not trained.

        W, b = ridge(pooled, ones and zeros)      logits = s (W pooled + b - 1/2)

    The penalty is the one with the fewest errors in the held-out part (of equals the largest), the
    scale s the one with the lowest cross-entropy there.

    train, valid: give the batches of a part, as often as they are asked.
    Source: M. Lukosevicius, A practical guide to applying echo state networks, 2012
    (https://doi.org/10.1007/978-3-642-35289-8_36).
    """
    network.eval()
    sums, classes = Ridge(), network.decide.out_features
    for x, lengths, y in train():
        sums.add(network.pooled(network.embed(x), lengths), marked(y, classes))
    found = [(network.pooled(network.embed(x), lengths), y) for x, lengths, y in valid()]
    pooled, y = torch.cat([h for h, _ in found]), torch.cat([y for _, y in found])
    best: tuple[float, float] | None = None
    for penalty in PENALTIES:
        try:
            readout = sums.solve(penalty * sums.rows)
        except ValueError:  # too small a penalty to tell the weights apart
            continue
        wrong = float((marked(y, classes) != decided(readout(pooled), network.several)).sum())
        if best is None or wrong <= best[0]:
            best, head = (wrong, penalty), readout
    if best is None:
        raise ValueError("No penalty tells the weights of the read-out apart: units are alike.")
    logits = head(pooled) - 0.5
    loss = binary_cross_entropy_with_logits if network.several else cross_entropy
    scale = min(SCALES, key=lambda s: float(loss(s * logits, y)))
    network.decide.weight.copy_(scale * head.weight)
    network.decide.bias.copy_(scale * (head.bias - 0.5))
    return best[1]


def marked(y: Tensor, classes: int) -> Tensor:
    """Targets [B, K] of ones and zeros, from classes [B] or from such targets."""
    return y if y.dim() == 2 else torch.nn.functional.one_hot(y, classes).float()


def decided(regression: Tensor, several: bool) -> Tensor:
    """The same from what a regression to them gives."""
    if several:
        return (regression > 0.5).float()
    return marked(regression.argmax(-1), regression.shape[-1])
