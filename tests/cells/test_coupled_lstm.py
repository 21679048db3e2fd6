from unroll import CoupledLSTMCell
from unroll.testing import check_cell

from .variants import check_in_a_layer, check_onnx, check_taps, check_zero_peepholes


def test_onnx_gives_the_same():
    h = [[-0.34273097, 0.55619901], [0.55972391, 0.03745056]]
    c = [[-0.70759404, 0.87734431], [0.70277619, 0.07295871]]
    check_onnx(CoupledLSTMCell(3, 2), "igo", h, c)


def test_onnx_couples_without_peepholes_too():
    h = [[-0.38628861, 0.44288269], [0.53758883, 0.00964847]]
    c = [[-0.69106007, 0.90605134], [0.70982397, 0.01936300]]
    check_onnx(CoupledLSTMCell(3, 2, peepholes=False), "igo", h, c)


def test_peepholes_of_zero_are_none():
    check_zero_peepholes(CoupledLSTMCell, "igo")


def test_gates_are_named_for_a_recording():
    check_taps(CoupledLSTMCell, "ifgo")


def test_in_a_layer_with_lengths():
    check_in_a_layer(CoupledLSTMCell)


def test_promises_of_a_cell():
    check_cell(CoupledLSTMCell)
