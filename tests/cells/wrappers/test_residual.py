import pytest
import torch

import unroll
from unroll.cells.wrappers.residual import ResidualCell
from unroll.testing import check_cell

from .trained import INNER, check_layer, check_trained


def test_the_input_is_added_to_the_output_and_to_nothing_that_is_fed_back():
    layer = torch.nn.LSTM(4, 4).double()
    cell = unroll.LSTMCell(4, 4).double()
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x = torch.randn(5, 2, 4).double()
    output, last = unroll.unroll(ResidualCell(cell), x)
    expected, (h, c) = layer(x)
    torch.testing.assert_close(output, expected + x)
    torch.testing.assert_close((last.h, last.c), (h[0], c[0]))


def test_other_widths_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"LSTMCell with input_size=3 and output_size=4.*Highway"):
        ResidualCell(torch.nn.LSTMCell(3, 4))
    projected = unroll.ProjectedLSTMCell(3, 4, proj_size=3)
    assert ResidualCell(projected).output_size == 3


def test_the_second_layer_in_two_directions_is_given_too_much():
    make = lambda i, h: ResidualCell(unroll.GRUCell(i, h))  # noqa: E731
    unroll.Recurrent(make, 4, 4, bidirectional=True)
    with pytest.raises(ValueError, match=r"input_size=8 and output_size=4"):
        unroll.Recurrent(make, 4, 4, num_layers=2, bidirectional=True)


@pytest.mark.parametrize("inner", INNER)
def test_promises_of_a_cell(inner):
    check_cell(lambda i, h: ResidualCell(INNER[inner](i, h)), input_size=4)


def test_training_mode_is_eval_mode():
    check_trained(lambda i, h: ResidualCell(unroll.LSTMCell(h, h)), noisy=False)


@pytest.mark.parametrize("inner", INNER)
def test_in_a_layer(inner):
    check_layer(lambda i, h: ResidualCell(INNER[inner](i, h)), directions=1)
