from unroll import NoInputGateLSTMCell
from unroll.testing import check_cell

from .variants import check_in_a_layer, check_onnx, check_taps, check_zero_peepholes


def test_onnx_gives_the_same():
    h = [[-0.43210718, 0.81051338], [0.72478473, -0.21563938]]
    c = [[-1.31197727, 1.64374208], [1.03158903, -0.66355389]]
    check_onnx(NoInputGateLSTMCell(3, 2), "fgo", h, c)


def test_peepholes_of_zero_are_none():
    check_zero_peepholes(NoInputGateLSTMCell, "fgo")


def test_gates_are_named_for_a_recording():
    check_taps(NoInputGateLSTMCell, "fgo")


def test_in_a_layer_with_lengths():
    check_in_a_layer(NoInputGateLSTMCell)


def test_promises_of_a_cell():
    check_cell(NoInputGateLSTMCell)
