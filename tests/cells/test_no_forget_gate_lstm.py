from unroll import NoForgetGateLSTMCell
from unroll.testing import check_cell

from .variants import check_in_a_layer, check_onnx, check_taps, check_zero_peepholes


def test_onnx_gives_the_same():
    h = [[-0.45416370, 0.87554514], [0.95795590, 0.02764523]]
    c = [[-1.22343016, 2.01131535], [2.29193664, 0.04646154]]
    check_onnx(NoForgetGateLSTMCell(3, 2), "igo", h, c)


def test_peepholes_of_zero_are_none():
    check_zero_peepholes(NoForgetGateLSTMCell, "igo")


def test_gates_are_named_for_a_recording():
    check_taps(NoForgetGateLSTMCell, "igo")


def test_in_a_layer_with_lengths():
    check_in_a_layer(NoForgetGateLSTMCell)


def test_promises_of_a_cell():
    check_cell(NoForgetGateLSTMCell)
