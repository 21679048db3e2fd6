"""The last layer of a classifier in closed form: ridge regression to ones and zeros.

B batch, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from unroll.layers.ridge import Ridge
from unroll.tasks.classify.labelled import ClassifyBatch
from unroll.tasks.classify.network import Classifier

PENALTIES = tuple(10.0**k for k in range(-8, 1))  # per record
SCALES = tuple(2.0 ** (k / 2) for k in range(-2, 15))

ReadBatches = Callable[[], Iterable[ClassifyBatch]]  # reads all batches of a set, from its start


@torch.no_grad()
def solve_head(network: Classifier, train: ReadBatches, valid: ReadBatches) -> float:
    """Set `network.decide` by ridge regression of its inputs.

    When to use it: where the recurrent part is a reservoir, which is not trained.

        W, b = ridge(pooled, ones and zeros)      logits = s (W pooled + b - 1/2)

    The penalty is the one with the fewest errors on the validation set (of equals the largest), the
    scale s the one with the lowest cross-entropy there. Source: M. Lukosevicius, A practical guide
    to applying echo state networks, 2012 (https://doi.org/10.1007/978-3-642-35289-8_36).

    Args:
        network: its last layer is changed.
        train: reads the batches of the training set.
        valid: reads the batches of the validation set.

    Returns:
        The penalty, per record.

    Raises:
        ValueError: where no penalty gives weights, because units are all alike.
    """
    network.eval()
    sums, classes = Ridge(), network.decide.out_features
    for batch in train():
        sums.add(pooled_inputs(network, batch), target_indicators(batch.y, classes))
    found = [(pooled_inputs(network, batch), batch.y) for batch in valid()]
    pooled, y = torch.cat([h for h, _ in found]), torch.cat([y for _, y in found])
    true = target_indicators(y, classes)
    best: tuple[float, float] | None = None
    for penalty in PENALTIES:
        try:
            readout = sums.solve(penalty * sums.rows)
        except ValueError:  # the penalty is too small to determine the weights
            continue
        wrong = float((true != round_to_targets(readout(pooled), network.multi_label)).sum())
        if best is None or wrong <= best[0]:
            best, head = (wrong, penalty), readout
    if best is None:
        raise ValueError(
            "No penalty determines the weights of the read-out: its inputs are all alike."
        )
    logits = head(pooled) - 0.5
    loss = binary_cross_entropy_with_logits if network.multi_label else cross_entropy
    scale = min(SCALES, key=lambda s: float(loss(s * logits, y)))
    network.decide.weight.copy_(scale * head.weight)
    network.decide.bias.copy_(scale * (head.bias - 0.5))
    return best[1]


def pooled_inputs(network: Classifier, batch: ClassifyBatch) -> Tensor:
    """What the last layer reads of a batch, `[B, D*H]`."""
    return network.pool(network.embed(batch.x), batch.lengths)


def target_indicators(y: Tensor, classes: int) -> Tensor:
    """Ones and zeros [B, K], from classes [B] or from such indicators."""
    return y if y.dim() == 2 else one_hot(y, classes).float()


def round_to_targets(regression: Tensor, multi_label: bool) -> Tensor:
    """The ones and zeros [B, K] that a regression [B, K] to them predicts."""
    if multi_label:
        return (regression > 0.5).float()
    return target_indicators(regression.argmax(-1), regression.shape[-1])
