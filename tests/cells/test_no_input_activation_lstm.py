from unroll import NoInputActivationLSTMCell
from unroll.testing import check_cell

from .variants import check_in_a_layer, check_onnx, check_taps, check_zero_peepholes


def test_onnx_gives_the_same():
    h = [[-0.39016908, 0.77191311], [0.78752798, -0.07985275]]
    c = [[-0.85257751, 1.46161556], [1.21333635, -0.16595232]]
    check_onnx(NoInputActivationLSTMCell(3, 2), "ifgo", h, c)


def test_peepholes_of_zero_are_none():
    check_zero_peepholes(NoInputActivationLSTMCell, "ifgo")


def test_gates_are_named_for_a_recording():
    check_taps(NoInputActivationLSTMCell, "ifgo")


def test_in_a_layer_with_lengths():
    check_in_a_layer(NoInputActivationLSTMCell)


def test_promises_of_a_cell():
    check_cell(NoInputActivationLSTMCell)
