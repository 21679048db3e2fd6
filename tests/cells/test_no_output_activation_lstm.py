from unroll import NoOutputActivationLSTMCell
from unroll.testing import check_cell

from .variants import check_in_a_layer, check_onnx, check_taps, check_zero_peepholes


def test_onnx_gives_the_same():
    h = [[-0.29827374, 0.84033674], [0.88513839, -0.06899028]]
    c = [[-0.46879527, 1.03374147], [0.95206761, -0.14034265]]
    check_onnx(NoOutputActivationLSTMCell(3, 2), "ifgo", h, c)


def test_peepholes_of_zero_are_none():
    check_zero_peepholes(NoOutputActivationLSTMCell, "ifgo")


def test_gates_are_named_for_a_recording():
    check_taps(NoOutputActivationLSTMCell, "ifgo")


def test_in_a_layer_with_lengths():
    check_in_a_layer(NoOutputActivationLSTMCell)


def test_promises_of_a_cell():
    check_cell(NoOutputActivationLSTMCell)
