"""A model that gives other numbers than its layer is refused, also where only states or lengths differ."""

import copy

import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.export import to_onnx
from unroll.export.onnx.checking import check_layer, difference, state_rows


@pytest.mark.parametrize("cell", ["lstm", "min_gru"])
def test_a_layer_with_other_weights_is_noticed(tmp_path, cell):
    layer = unroll.Recurrent(cell, 2, 3)
    found = to_onnx(layer, tmp_path / "layer.onnx")
    other = copy.deepcopy(layer)
    with torch.no_grad():
        next(other.parameters()).add_(1e-3)
    content = found.path.read_bytes()
    assert check_layer(content, layer, found.states) == found.difference
    with pytest.raises(UserError, match=r"differs from the layer by .*nothing was written"):
        check_layer(content, other, found.states)


def test_differences_are_relative_above_one():
    one = torch.tensor([100.0])
    assert difference(one + 0.5, one) == pytest.approx(0.005)
    assert difference(one / 100 + 0.5, one / 100) == 0.5
    assert difference(one, torch.ones(2)) == float("inf")
    nothing = torch.tensor([float("nan")])
    assert difference(nothing, one) == float("inf") and difference(nothing, nothing) == 0


def test_states_are_in_the_order_of_a_model():
    h, c = torch.arange(2.0).reshape(2, 1, 1), torch.arange(2.0, 4).reshape(2, 1, 1)
    rows = state_rows(unroll.LSTMState(h, c))
    assert [float(row) for row in rows] == [0, 2, 1, 3]
