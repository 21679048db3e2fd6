"""Windows of a stream: their places, and the mean of the gradients that they leave."""

import itertools
import math

import numpy as np
import pytest
import torch

import unroll
from unroll.data.encoded import Encoded
from unroll.data.stream import TokenBatch, Window
from unroll.models.language import LanguageModel
from unroll.tasks.language.truncation import (
    WindowStream,
    crossing_probability,
    overlapping,
    randomised,
)
from unroll.tasks.language.window_loss import window_loss

T, V = 12, 5


@pytest.fixture(autouse=True)
def by_torch():
    with unroll.backend("torch"):
        yield


def network_and_text():
    return LanguageModel(V, 3, 4).double(), torch.randint(V, (T + 1, 2))


def whole_gradient(network, ids):
    return torch.autograd.grad(network.loss(ids[:-1], ids[1:])[0], list(network.parameters()))


def gradient_of(network, ids, windows):
    """The summed gradient of consecutive windows, the state carried between them."""
    state, total = None, [torch.zeros_like(p) for p in network.parameters()]
    for w in windows:
        piece = ids[w.start : w.start + w.steps + 1]
        weight = (torch.arange(w.steps) >= w.counts)[:, None].expand(-1, 2)
        batch = TokenBatch(piece[:-1], piece[1:], w.start == 0, weight=weight, window=w)
        loss, state = window_loss(
            lambda x, y, s, weight: network.loss(x, y, s, weight=weight), batch, state
        )
        for t, g in zip(total, torch.autograd.grad(loss, list(network.parameters())), strict=True):
            t += g
        state = None if state is None else unroll.cells.map_state(torch.Tensor.detach, state)
    return total


def close(one, other):
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("k1", "k2"), [(1, T), (3, T), (4, 2 * T), (T, T)])
def test_overlapping_windows_that_reach_the_start_give_the_whole_gradient(k1, k2):
    network, ids = network_and_text()
    windows = [overlapping(n, k1, k2) for n in range(T // k1)]
    close(gradient_of(network, ids, windows), whole_gradient(network, ids))


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (2, 3), (2, 8), (3, 9), (4, 4), (5, 7)])
def test_each_overlapping_window_begins_where_the_last_one_says(k1, k2):
    at = 0
    for n in range(20):
        w = overlapping(n, k1, k2)
        assert w.start == at
        assert w.start + w.steps == (n + 1) * k1
        assert w.start + w.counts == n * k1
        assert w.steps <= k2
        at = w.start + sum(w.blocks[: w.carry])


def test_the_mean_of_the_randomised_gradient_is_the_whole_gradient():
    """Over all ways to cut five borders, each with its probability: exactly."""
    network, ids = network_and_text()
    k1, k2, count = 2, 4, 6
    mean, sure = [torch.zeros_like(p) for p in network.parameters()], 0.0
    for cuts in itertools.product([True, False], repeat=count - 1):
        probability, windows, start, pieces, scales = 1.0, [], 0, 1, [0.0]
        for cut in [*cuts, True]:
            last = start + pieces * k1 == T
            chance = 0.0 if last else crossing_probability(pieces, k1, k2)
            probability *= 1 - chance if cut else chance
            if cut:
                windows.append(Window(start, (k1,) * pieces, 0, pieces, tuple(scales)))
                start, pieces, scales = start + pieces * k1, 1, [0.0]
            else:
                scales.append(1 / chance)
                pieces += 1
        sure += probability
        for m, g in zip(mean, gradient_of(network, ids, windows), strict=True):
            m += probability * g
    assert sure == pytest.approx(1)
    close(mean, whole_gradient(network, ids))


def test_random_windows_are_as_long_as_asked_on_average():
    windows = randomised(np.random.default_rng(0), 2_000_000, 1, 50)
    lengths = np.array([w.steps for w in windows])
    assert lengths.mean() == pytest.approx(50, rel=0.03)
    drawn = (lengths > 100).mean()
    assert drawn == pytest.approx((1 + 100 / 150) ** -4, rel=0.06)
    for w in windows[:100]:
        assert w.scales[1:] == tuple(
            1 / crossing_probability(j, 1, 50) for j in range(1, len(w.blocks))
        )


@pytest.mark.parametrize("truncation", ["overlapping", "randomised"])
def test_a_stream_counts_each_step_once_an_epoch_and_goes_on(truncation):
    encoded = Encoded(np.arange(403, dtype=np.uint32), 402, 0)
    one, other = (WindowStream(encoded, 2, truncation, 3, 10, seed=4) for _ in range(2))
    batches = [one.batch(n) for n in range(3 * one.per_epoch)]
    late = len(batches) - 1
    assert torch.equal(other.batch(late).x, batches[late].x)
    firsts = [n for n, b in enumerate(batches) if b.fresh]
    seen = []
    for b in batches[: firsts[1]]:
        assert torch.equal(b.y, b.x + 1)
        rows = slice(b.window.counts, None)
        seen.append(b.x[rows])
        assert b.tokens == 2 * len(b.x[rows])
    x = torch.cat(seen)
    assert torch.equal(x[1:], x[:-1] + 1)
    assert len(x) == math.floor((403 - 1 - 3) / 2) // 3 * 3


def test_too_short_a_text_is_said():
    encoded = Encoded(np.arange(12, dtype=np.uint32), 11, 0)
    with pytest.raises(unroll.UserError, match="k1=9"):
        WindowStream(encoded, 2, "overlapping", 9, 9, seed=1)
