"""Every pooling against a plain loop over sequences."""

import pytest
import torch

from unroll.layers import Recurrent
from unroll.layers.pooling import POOLINGS, Pooling

T, B, D, H = 6, 4, 2, 3
LENGTHS = torch.tensor([6, 1, 4, 0])


def by_loop(pooling, h, lengths):
    rows = []
    for b, n in enumerate(lengths.tolist()):
        own = h[:n, b]
        if n == 0:
            rows.append(torch.zeros(D * H))
        elif pooling.kind == "last":
            rows.append(torch.cat([own[-1, :H], own[0, H:]]))
        elif pooling.kind == "mean":
            rows.append(own.mean(0))
        elif pooling.kind == "max":
            rows.append(own.max(0).values)
        else:
            score = (
                torch.tanh(own @ pooling.key.weight.T + pooling.key.bias)
            ) @ pooling.query.weight[0]
            rows.append((score.softmax(0)[:, None] * own).sum(0))
    return torch.stack(rows)


@pytest.mark.parametrize("kind", POOLINGS)
def test_pooling_is_the_loop_whatever_stands_in_the_padding(kind):
    pooling = Pooling(kind, D * H, D)
    h = torch.randn(T, B, D * H, requires_grad=True)
    found = pooling(h, LENGTHS)
    expected = by_loop(pooling, h, LENGTHS)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found.square().sum(), h)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected.square().sum(), h)[0])
    assert all(bool((gradient[n:, b] == 0).all()) for b, n in enumerate(LENGTHS.tolist()))


def test_the_last_step_is_the_final_state_of_both_directions():
    layer = Recurrent("gru", 2, H, bidirectional=True)
    h, state = layer(torch.randn(T, B, 2), lengths=LENGTHS)
    torch.testing.assert_close(Pooling("last", D * H, D)(h, LENGTHS), torch.cat(list(state), 1))


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="expected one of last, mean, max, attention"):
        Pooling("min", 4)


@pytest.mark.parametrize("kind", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("directions", [1, 2])
def test_weights_say_how_much_each_step_counts(kind, directions):
    pool, h = Pooling(kind, 6, directions), torch.randn(5, 3, 6)
    lengths = torch.tensor([5, 2, 0])
    weights = pool.weights(h, lengths)
    torch.testing.assert_close(weights.sum(0), torch.tensor([1.0, 1.0, 0.0]))
    assert not weights[2:, 1].any()
    if kind in ("mean", "attention"):
        torch.testing.assert_close((weights[..., None] * h).sum(0), pool(h, lengths))
    elif kind == "max":
        came = [(h[t, 0] == pool(h, lengths)[0]).float().mean() for t in range(5)]
        torch.testing.assert_close(weights[:, 0], torch.stack(came))
    else:
        assert weights[4, 0] == 1 / directions
