"""The head in closed form is what least squares says, and classifies as it does."""

import torch
from torch.nn.functional import one_hot

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
    train = [(x[:, :40], lengths[:40], y[:40]), (x[:, 40:70], lengths[40:70], y[40:70])]
    return train, [(x[:, 70:], lengths[70:], y[70:])]


def solved(several):
    torch.manual_seed(1)
    network = Classifier(
        2, 2, 12, cell="echo_state", bidirectional=False, pooling="mean", several=several
    )
    train, valid = parts(network, several)
    return network, train, valid, solve_head(network, lambda: train, lambda: valid)


def test_weights_are_those_of_least_squares_up_to_one_scale():
    network, train, _, penalty = solved(False)
    assert penalty in PENALTIES
    with torch.no_grad():
        pooled = torch.cat([network.pooled(x, lengths) for x, lengths, _ in train]).double()
        y = one_hot(torch.cat([y for _, _, y in train]), 2).double()
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
        ((x, lengths, y),) = valid
        with torch.no_grad():
            p = network.probabilities(x, lengths)
        right = y.argmax(-1) if several else y
        assert (p.argmax(-1) == right).float().mean() > 0.85
