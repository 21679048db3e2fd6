"""Weight drop is the layer with a masked recurrent matrix, forward and backward."""

import pytest
import torch

import unroll
from unroll.models.weight_drop import WeightDrop, recurrent_weights

T, B, E, H = 6, 2, 3, 4
P = 0.5


def by_hand(cell, mask, x):
    """The outputs of an LSTM cell whose recurrent matrix is masked, step by step."""
    h = c = x.new_zeros(B, H)
    outputs = []
    for step in x:
        gates = (
            step @ cell.weight_ih.T + h @ (cell.weight_hh * mask).T + cell.bias_ih + cell.bias_hh
        )
        i, f, g, o = gates.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return torch.stack(outputs)


def drawn(layer, seed):
    torch.manual_seed(seed)
    return torch.nn.functional.dropout(torch.ones_like(layer.cells[0].weight_hh), P)


@pytest.mark.parametrize("options", [{}, {"segment_length": 2}, {"backend": "loop"}])
def test_outputs_and_gradients_are_those_of_a_loop_with_a_masked_matrix(options):
    torch.manual_seed(0)
    layer = unroll.Recurrent("lstm", E, H).double()
    x = torch.randn(T, B, E).double().requires_grad_()
    weights = [x, *layer.parameters()]
    mask = drawn(layer, 5)
    assert set(mask.unique().tolist()) == {0.0, 1 / (1 - P)}
    expected = by_hand(layer.cells[0], mask, x)
    gradients = torch.autograd.grad(expected.square().sum(), weights)
    torch.manual_seed(5)
    output, _ = WeightDrop(P)(layer, x, **options)
    torch.testing.assert_close(output, expected)
    found = torch.autograd.grad(output.square().sum(), weights)
    torch.testing.assert_close(found, gradients)
    matrix = [g for g, w in zip(found, weights, strict=True) if w is layer.cells[0].weight_hh]
    assert torch.equal(matrix[0] == 0, mask == 0)


def test_outside_of_training_and_at_zero_the_layer_is_itself():
    layer, x = unroll.Recurrent("gru", E, H), torch.randn(T, B, E)
    expected = layer(x)[0]
    assert torch.equal(WeightDrop(P).eval()(layer, x)[0], expected)
    assert torch.equal(WeightDrop(0.0)(layer, x)[0], expected)
    before = [w.clone() for w in layer.parameters()]
    WeightDrop(P)(layer, x)
    assert all(torch.equal(a, b) for a, b in zip(before, layer.parameters(), strict=True))


def test_only_recurrent_weights_are_dropped():
    layer = unroll.Recurrent("lstm", E, H, num_layers=2)
    assert list(recurrent_weights(layer)) == ["cells.0.weight_hh", "cells.1.weight_hh"]
    assert recurrent_weights(unroll.Recurrent("min_gru", E, H)) == {}
    with pytest.raises(ValueError, match="got p=1"):
        WeightDrop(1.0)
