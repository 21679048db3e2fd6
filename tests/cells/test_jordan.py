from math import exp, tanh

import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.jordan import JordanCell
from unroll.testing import check_cell


def sigmoid(v):
    return 1 / (1 + exp(-v))


def wave(*shape, start):
    """Numbers that anyone can make again: 0.8 sin(start), 0.8 sin(start + 1), ..."""
    count = torch.Size(shape).numel()
    return (0.8 * torch.sin(start + torch.arange(count, dtype=torch.float64))).reshape(shape)


def two_to_one(**options):
    cell = JordanCell(1, 2, output_size=1, **options).double()
    values = {
        "weight_ih": [[0.5], [-1.0]],
        "weight_hh": [[2.0], [0.25]],
        "bias": [0.1, 0.2],
        "output_weight": [[1.5, -0.5]],
        "output_bias": [0.25],
    }
    cell.load_state_dict({k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()})
    return cell


def test_two_steps_give_the_numbers_of_the_equations():
    cell = two_to_one(decay=0.5, nonlinearity="tanh")
    output, last = unroll.unroll(
        cell, torch.tensor([[[2.0]], [[-1.0]]]).double(), torch.tensor([[0.5]]).double()
    )
    # hidden: 0.5*2 + 2*0.5 + 0.1 = 2.1 and -1*2 + 0.25*0.5 + 0.2 = -1.675
    y1 = sigmoid(1.5 * tanh(2.1) - 0.5 * tanh(-1.675) + 0.25)
    s1 = 0.5 * 0.5 + y1
    # hidden: 0.5*(-1) + 2*s1 + 0.1 and -1*(-1) + 0.25*s1 + 0.2
    y2 = sigmoid(1.5 * tanh(2 * s1 - 0.4) - 0.5 * tanh(0.25 * s1 + 1.2) + 0.25)
    assert output.flatten().tolist() == pytest.approx([y1, y2], abs=1e-12)
    assert last.item() == pytest.approx(0.5 * s1 + y2, abs=1e-12)


def test_units_are_logistic_unless_told_otherwise_and_the_context_is_the_output():
    output, context = two_to_one()(torch.tensor([[2.0]]).double(), torch.tensor([[0.5]]).double())
    expected = sigmoid(1.5 * sigmoid(2.1) - 0.5 * sigmoid(-1.675) + 0.25)
    assert output.item() == pytest.approx(expected, abs=1e-12)
    assert context is output


@pytest.mark.parametrize("decay", [0.0, 0.6])
def test_the_context_is_the_sum_of_past_outputs_each_weaker_than_the_next(decay):
    cell = JordanCell(3, 4, output_size=2, decay=decay).double()
    output, last = unroll.unroll(cell, wave(4, 2, 3, start=1))
    expected = sum(decay ** (3 - t) * output[t] for t in range(4))
    torch.testing.assert_close(last, expected)


def test_with_an_output_that_is_the_hidden_layer_it_is_torchs_elman_network():
    cell = JordanCell(3, 4, nonlinearity="tanh", output_nonlinearity="identity").double()
    nn.init.eye_(cell.output_weight)
    nn.init.zeros_(cell.output_bias)
    theirs = nn.RNN(3, 4).double()
    names = {"weight_ih_l0": cell.weight_ih, "weight_hh_l0": cell.weight_hh}
    theirs.load_state_dict(names | {"bias_ih_l0": cell.bias, "bias_hh_l0": torch.zeros(4)})
    x, h = wave(5, 2, 3, start=1), wave(2, 4, start=4)
    expected, expected_last = theirs(x, h[None])
    torch.testing.assert_close(unroll.unroll(cell, x, h), (expected, expected_last[0]))


def test_the_hidden_layer_is_named_for_a_recording():
    cell, named = JordanCell(3, 4, output_size=2), []
    with collecting_taps(lambda name, value: named.append((name, value.shape))):
        cell(torch.zeros(5, 3), cell.initial_state(5))
    assert named == [("hidden", (5, 4))]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"output_size": 0}, "output_size=0; expected at least 1.*hidden layer, 4"),
        ({"decay": 1.0}, r"decay=1\.0; expected 0 <= decay < 1"),
        ({"decay": -0.1}, r"decay=-0\.1; expected 0 <= decay < 1"),
        ({"nonlinearity": "relu6"}, " nonlinearity='relu6'; expected one of sigmoid, tanh, ident"),
        ({"output_nonlinearity": "x"}, "output_nonlinearity='x'; expected one of sigmoid"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=f"JordanCell got.*{sentence}"):
        JordanCell(3, 4, **options)


def narrow(input_size, hidden_size):
    return JordanCell(input_size, hidden_size, output_size=2, decay=0.5, nonlinearity="tanh")


@pytest.mark.parametrize(("make", "width"), [(JordanCell, 4), (narrow, 2)])
def test_layers_with_lengths_run(make, width):
    layer = unroll.Recurrent(make, 3, 4, num_layers=2, bidirectional=True)
    output, last = layer(torch.randn(5, 3, 3), lengths=[5, 0, 2])
    assert (output.shape, last.shape) == ((5, 3, 2 * width), (4, 3, width))


@pytest.mark.parametrize("make", [JordanCell, narrow])
def test_it_is_compiled(make):
    unroll.unroll(make(3, 4), torch.randn(5, 2, 3), backend="cpu")


@pytest.mark.parametrize("make", [JordanCell, narrow])
def test_promises_of_a_cell(make):
    check_cell(make)
