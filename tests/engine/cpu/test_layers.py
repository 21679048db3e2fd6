"""Layers and torch's own cells through the compiled kernels."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import unroll
from unroll.cells import fields

from ..written_cells import CELLS
from .compiled import LENGTHS, B, H, I, T, assert_as_the_loop, compiled, leaf

pytestmark = compiled

LAYERS = {
    "lstm": partial(unroll.LSTM, I, H, 2, bidirectional=True),
    "projected": partial(unroll.LSTM, I, H, proj_size=2, batch_first=True),
    "gru": partial(unroll.GRU, I, H, bidirectional=True, batch_first=True),
    "relu": partial(unroll.RNN, I, H, 2, nonlinearity="relu", bias=False),
    "recurrent": partial(unroll.Recurrent, CELLS["gru-reset-before"], I, H, 2, bidirectional=True),
    "clockwork": partial(unroll.Recurrent, CELLS["clockwork"], I, H, batch_first=True),
}


def of_layer(layer, x, state=None, **keywords):
    """Outputs, final state and gradients of a layer, as a flat list."""
    x = leaf(x) if isinstance(x, torch.Tensor) else x
    given = leaf(x.data) if isinstance(x, PackedSequence) else x
    if isinstance(x, PackedSequence):
        x = PackedSequence(given, x.batch_sizes, x.sorted_indices, x.unsorted_indices)
    output, last = layer(x, state, **keywords)
    output = output.data if isinstance(output, PackedSequence) else output
    values = [output, *(s for _, s in fields(last))]
    numbers = torch.Generator().manual_seed(3)
    roots = [v for v in values if v.requires_grad]
    drawn = [torch.randn(v.shape, generator=numbers, dtype=v.dtype) for v in roots]
    return [*values, *torch.autograd.grad(roots, [given, *layer.parameters()], drawn)]


@pytest.mark.parametrize("name", LAYERS)
def test_layers_and_directions_are_the_loops(name):
    layer = LAYERS[name]().double()
    x = torch.randn(T, B, I, dtype=torch.float64)
    x = x.transpose(0, 1) if layer.batch_first else x
    for lengths in LENGTHS.values():
        got, right = (of_layer(layer, x, lengths=lengths, backend=b) for b in ("cpu", "loop"))
        torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", LAYERS)
def test_packed_sequences_through_layers_are_the_loops(name):
    layer = LAYERS[name]().double()
    packed = pack_padded_sequence(
        torch.randn(T, B, I, dtype=torch.float64), torch.tensor([2, 5, 1, 4]), enforce_sorted=False
    )
    got, right = (of_layer(layer, packed, backend=b) for b in ("cpu", "loop"))
    torch.testing.assert_close(got, right, rtol=1e-10, atol=1e-10)


def test_a_layer_is_torchs_layer():
    ours, torchs = unroll.LSTM(I, H, 2, bidirectional=True), nn.LSTM(I, H, 2, bidirectional=True)
    torchs.load_state_dict(ours.state_dict())
    x, state = torch.randn(T, B, I), (torch.randn(4, B, H), torch.randn(4, B, H))
    got, expected = ours(x, state, backend="cpu"), torchs(x, state)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)
    alone = ours(x[:, 0], (state[0][:, 0], state[1][:, 0]), backend="cpu")
    torch.testing.assert_close(alone[0], expected[0][:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("torchs", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_torchs_own_cells_are_compiled_too(torchs):
    cell = torchs(I, H).double()
    x = torch.randn(T, B, I, dtype=torch.float64)
    assert_as_the_loop(cell, x, lengths=[3, 0, 5, 1])
