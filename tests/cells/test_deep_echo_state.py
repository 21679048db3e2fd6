"""A stack of reservoirs; what it shares with a single one is in test_echo_state.py."""

from functools import partial

import pytest
import torch

import unroll
from unroll.cells import DeepEchoStateCell, EchoStateCell


def test_a_deep_reservoir_shows_every_layer():
    cell = DeepEchoStateCell(3, 5, num_layers=3, leak_rate=0.5)
    below = unroll.Recurrent(partial(EchoStateCell, leak_rate=0.5), 3, 5, num_layers=3)
    below.cells.load_state_dict(cell.layers.state_dict())
    x = torch.randn(7, 2, 3)
    states, last = unroll.unroll(cell, x)
    top, final = below(x)
    torch.testing.assert_close(states[..., 10:], top)
    torch.testing.assert_close(torch.stack(last.h), final)
    torch.testing.assert_close(states[-1], torch.cat(last.h, -1))
    lowest, _ = unroll.unroll(cell.layers[0], x)
    torch.testing.assert_close(states[..., :5], lowest)


def test_a_deep_reservoir_hands_its_options_to_the_layers():
    cell = DeepEchoStateCell(
        3, 50, num_layers=2, leak_rate=(1.0, 0.2), spectral_radius=0.5, input_scaling=2.0, seed=4
    )
    assert [layer.leak_rate for layer in cell.layers] == [1.0, 0.2]
    assert cell.layers[0].weight_ih.abs().max() > 1.9
    assert 0.23 < cell.layers[1].weight_ih.abs().max() <= (3 / 50) ** 0.5
    second = EchoStateCell(
        50, 50, leak_rate=0.2, spectral_radius=0.5, input_scaling=(3 / 50) ** 0.5, seed=5
    )
    assert torch.equal(cell.layers[1].weight_hh, second.weight_hh)
    before = {name: tensor.clone() for name, tensor in cell.state_dict().items()}
    cell.layers[0].weight_hh.zero_()
    cell.reset_parameters()
    assert all(torch.equal(tensor, before[name]) for name, tensor in cell.state_dict().items())


def test_wrong_layers_are_refused():
    with pytest.raises(ValueError, match=r"num_layers=0; expected at least 1"):
        DeepEchoStateCell(3, 4, num_layers=0)
    with pytest.raises(ValueError, match=r"got 2 leak rates; expected one number, or .*=3"):
        DeepEchoStateCell(3, 4, leak_rate=(1.0, 0.5))


def test_options_of_its_layers_are_checked():
    with pytest.raises(ValueError, match=r"connectivity=1\.5"):
        DeepEchoStateCell(3, 4, connectivity=1.5)
