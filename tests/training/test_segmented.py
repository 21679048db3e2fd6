"""The loss of a stream by segments has the gradient of the whole."""

import pytest
import torch

import unroll
from unroll.models.language import LanguageModel
from unroll.training.segmented import segmented

T, B, V = 24, 2, 7


@pytest.fixture(autouse=True)
def by_torch():
    """Nothing here depends on the backend, and torch's needs no compiling."""
    with unroll.backend("torch"):
        yield


def setting(dropout=0.0):
    network = LanguageModel(V, 5, 6, 2, dropout=dropout).double()
    return network, torch.randint(V, (T, B)), torch.randint(V, (T, B))


def in_parts(network, x, y, length, state=None, **keywords):
    parts = list(zip(x.split(length), y.split(length), strict=True))
    return segmented(network, parts, lambda p, s: network.loss(*p, s), state, **keywords)


@pytest.mark.parametrize("states", [None, 1, 3])
@pytest.mark.parametrize("length", [24, 7, 1])
def test_the_gradient_is_that_of_the_whole(length, states):
    network, x, y = setting()
    total, last = network.loss(x, y)
    whole = torch.autograd.grad(total, list(network.parameters()))
    again, same = in_parts(network, x, y, length, states=states)
    torch.testing.assert_close(again, total, rtol=1e-12, atol=0)
    torch.testing.assert_close(same[1].c, last[1].c)
    again.backward()
    for p, g in zip(network.parameters(), whole, strict=True):
        torch.testing.assert_close(p.grad, g, rtol=1e-10, atol=1e-12)


def test_the_start_learns_too():
    network, x, y = setting()
    start = tuple(
        type(s)(*(torch.randn_like(f).requires_grad_() for f in s))
        for s in network.initial_state(B)
    )
    fields = [f for s in start for f in s]
    whole = torch.autograd.grad(network.loss(x, y, start)[0], fields)
    parts = torch.autograd.grad(in_parts(network, x, y, 9, start)[0], fields)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_what_was_dropped_is_dropped_again():
    network, x, y = setting(dropout=0.5)
    parts = list(zip(x.split(9), y.split(9), strict=True))

    def whole():
        state, total = None, 0.0
        for part in parts:
            value, state = network.loss(*part, state)
            total = total + value
        return total

    torch.manual_seed(3)
    expected = torch.autograd.grad(whole(), list(network.parameters()))
    after = torch.rand(1)
    for states in (None, 2):
        torch.manual_seed(3)
        total, _ = in_parts(network, x, y, 9, states=states)
        found = torch.autograd.grad(total, list(network.parameters()))
        assert torch.equal(torch.rand(1), after)
        for a, b in zip(expected, found, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_one_part_is_kept_at_a_time():
    network, x, y = setting()
    sizes = [0]

    def counting(t):
        sizes[-1] += t.numel()
        return t

    for length in (24, 6):
        with torch.autograd.graph.saved_tensors_hooks(counting, lambda t: t):
            in_parts(network, x, y, length)
        sizes.append(0)
    assert sizes[0] == sizes[1] == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(("parts", "states"), [([], None), ([1], 0)])
def test_what_cannot_be_is_said(parts, states):
    with pytest.raises(ValueError, match="at least"):
        segmented(torch.nn.Linear(1, 1), parts, lambda p, s: (torch.zeros(()), s), states=states)
