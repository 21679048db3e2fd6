import pytest
import torch
from torch import nn

import unroll
from unroll.cells.wrappers.weight_drop import WeightDropCell
from unroll.engine.call import checked_call, parameters_of
from unroll.engine.compiler.plan import plan
from unroll.engine.compiler.trace import trace
from unroll.engine.noise import at_step, draw_noise
from unroll.testing import check_cell

from .trained import INNER, check_layer, check_trained

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
inners = pytest.mark.parametrize("inner", INNER)


def tensors(state):
    return tuple(state) if isinstance(state, tuple) else (state,)


@inners
def test_a_call_is_torchs_layer_with_dropped_weights(inner):
    # as the authors' code: weight_hh_l0 = dropout(weight_hh_l0_raw, p), then torch's layer
    layer, cell = LAYERS[inner](3, 4).double(), INNER[inner](3, 4).double()
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    wrapped, x = WeightDropCell(cell, 0.25), torch.randn(6, 2, 3).double()
    torch.manual_seed(5)
    mask = draw_noise(wrapped, x)["mask.weight_hh"][1]
    torch.manual_seed(5)
    output, last = unroll.unroll(wrapped, x)
    with torch.no_grad():
        layer.weight_hh_l0 *= mask / 0.75
    expected, final = layer(x)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(tensors(last), tuple(t[0] for t in tensors(final)))


def test_one_mask_is_for_all_steps_and_sequences():
    cell, x = WeightDropCell(unroll.LSTMCell(3, 50), 0.3), torch.randn(6, 2, 3)
    drawn = draw_noise(cell, x)
    each, mask = drawn["mask.weight_hh"]
    assert (each, mask.shape) == ("once", (200, 50))
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert 0.68 < mask.mean() < 0.72
    assert all(at_step(drawn, t)[0]["mask.weight_hh"] is mask for t in range(6))
    assert not torch.equal(mask, draw_noise(cell, x)["mask.weight_hh"][1])


def test_no_gradient_reaches_a_dropped_weight():
    cell, x = WeightDropCell(unroll.GRUCell(3, 4), 0.5), torch.randn(6, 2, 3)
    torch.manual_seed(5)
    mask = draw_noise(cell, x)["mask.weight_hh"][1]
    torch.manual_seed(5)
    unroll.unroll(cell, x)[0].sum().backward()
    assert torch.equal(cell.cell.weight_hh.grad != 0, mask == 1)


def test_the_weight_keeps_its_name():
    cell = unroll.LSTMCell(3, 4)
    names = [f"cell.{name}" for name in cell.state_dict()]
    assert list(WeightDropCell(cell).state_dict()) == names


def test_other_weights_can_be_dropped():
    cell = WeightDropCell(unroll.GRUCell(3, 4), 0.1, weights=["weight_ih", "weight_hh"])
    shapes = {name: noise.shape for name, noise in cell.noise().items()}
    assert shapes == {"mask.weight_ih": (12, 3), "mask.weight_hh": (12, 4)}


def test_wrong_options_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"dropout=1\.0; expected a probability"):
        WeightDropCell(unroll.GRUCell(3, 4), 1.0)
    with pytest.raises(ValueError, match=r"GRUCell, which has no parameter named weight_hr; its p"):
        WeightDropCell(unroll.GRUCell(3, 4), weights="weight_hr")
    assert WeightDropCell(unroll.GRUCell(3, 4), 0.0).noise() == {}


def test_a_weight_that_was_parametrized_since_is_refused():
    cell = WeightDropCell(unroll.GRUCell(3, 4))
    nn.utils.parametrize.register_parametrization(cell.cell, "weight_hh", nn.Identity())
    with pytest.raises(ValueError, match=r"weight_hh is no parameter of .* any more"):
        unroll.unroll(cell, torch.randn(6, 2, 3), backend="loop")


@inners
def test_promises_of_a_cell(inner):
    check_cell(lambda i, h: WeightDropCell(INNER[inner](i, h)))


def test_the_mask_is_planned_as_a_parameter():
    cell = WeightDropCell(unroll.LSTMCell(3, 4), 0.5)
    call = checked_call(cell, torch.zeros(1, 1, 3), None, None, None, False, None, None)
    made = plan(trace(cell, parameters_of(call), call.x, call.state))
    (matrix,) = made.loop.matrices
    assert matrix in made.eager.once_values  # the dropped weight, made once a call
    weight = cell.cell.weight_hh.detach()
    mask = torch.bernoulli(torch.full((16, 4), 0.5))
    values = made.eager.once(*parameters_of(call).values(), mask)
    torch.testing.assert_close(values[made.eager.once_values.index(matrix)], weight * mask / 0.5)
    assert made.eager.reads is not None  # and the products stay as simple as without


@inners
def test_compiled_kernels_draw_the_same_mask_in_training(inner):
    check_trained(lambda i, h: WeightDropCell(INNER[inner](i, h)))


@inners
def test_in_a_layer(inner):
    check_layer(lambda i, h: WeightDropCell(INNER[inner](i, h)))
