"""The head in closed form is what least squares says, and classifies as it does."""

import torch
from torch.nn.functional import one_hot

from unroll.tasks.classify.labelled import ClassifyBatch
from unroll.tasks.classify.network import Classifier
from unroll.tasks.classify.ridge_head import PENALTIES, solve_head


def parts(network, several):
    """Sequences whose class is the level of their first column."""
    torch.manual_seed(0)
    kind = torch.arange(90) % 2
    x = torch.randn(7, 90, 2)
    x[..., 0] += 2.0 * kind - 1
    lengths = torch.full((90,), 7)
    y = one_hot(kind, 2).float() if several else kind
    train, more, valid = (
        ClassifyBatch(x[:, rows], lengths[rows], y[rows])
        for rows in (slice(40), slice(40, 70), slice(70, None))
    )
    return [train, more], [valid]


def solved(several):
    torch.manual_seed(1)
    network = Classifier(
        2, 2, 12, cell="echo_state", bidirectional=False, pooling="mean", multi_label=several
    )
    train, valid = parts(network, several)
    return network, train, valid, solve_head(network, lambda: train, lambda: valid)


def test_weights_are_those_of_least_squares_up_to_one_scale():
    network, train, _, penalty = solved(False)
    assert penalty in PENALTIES
    with torch.no_grad():
        pooled = torch.cat([network.pool(batch.x, batch.lengths) for batch in train]).double()
        y = one_hot(torch.cat([batch.y for batch in train]), 2).double()
        X = torch.cat([torch.ones(len(pooled), 1), pooled], 1)
        ridge = penalty * len(X) * torch.eye(13, dtype=torch.float64)
        ridge[0, 0] = 0
        W = torch.linalg.solve(X.T @ X + ridge, X.T @ y)  # [1 + 12, 2]
        expected = X @ W - 0.5
        logits = network.decide(pooled.float()).double()
    scale = (logits * expected).sum() / (expected**2).sum()
    torch.testing.assert_close(logits, scale * expected, rtol=1e-3, atol=1e-3)


def test_it_decides_well_with_one_and_with_several_labels():
    for several in (False, True):
        network, _, valid, _ = solved(several)
        (batch,) = valid
        with torch.no_grad():
            p = network.probabilities(batch.x, batch.lengths)
        right = batch.y.argmax(-1) if several else batch.y
        assert (p.argmax(-1) == right).float().mean() > 0.85
