"""A bridge gives every field that remembers, of every cell, and leaves the others."""

import pytest
import torch

import unroll
from unroll.cells import map_state
from unroll.layers.bridge import Bridge


@pytest.mark.parametrize("name", ["gru", "lstm", "slstm", "clockwork", "qrnn", "lru", "min_gru"])
def test_any_cell_starts_from_a_bridge(name):
    layer = unroll.Recurrent(name, 4, 8, num_layers=2)
    initial = layer.initial_state(3)
    bridge = Bridge(5, layer.initial_state(1))
    torch.nn.init.normal_(bridge.linear.weight)
    state = bridge(torch.randn(3, 5), initial)
    map_state(lambda a, b: torch.testing.assert_close(a.shape, b.shape), state, initial)
    output, _ = layer(torch.randn(7, 3, 4), state)
    assert output.isfinite().all()
    cold, _ = layer(torch.randn(7, 3, 4), initial)
    assert not torch.equal(output, cold)


def test_equations():
    bridge = Bridge(5, torch.zeros(2, 1, 3))
    s = torch.randn(4, 5)
    state = bridge(s, torch.zeros(2, 4, 3))
    rows = torch.tanh(s @ bridge.linear.weight.T + bridge.linear.bias)
    torch.testing.assert_close(state[0], rows[:, :3])
    torch.testing.assert_close(state[1], rows[:, 3:])


def test_a_normaliser_and_a_clock_start_as_the_cell_has_them():
    layer = unroll.Recurrent("slstm", 4, 6)
    state = Bridge(5, layer.initial_state(1))(torch.ones(3, 5), layer.initial_state(3))
    initial = layer.initial_state(3)
    assert not torch.equal(state.h, initial.h)
    for field in "cnm":
        assert torch.equal(getattr(state, field), getattr(initial, field))
