from unroll import NoOutputGateLSTMCell
from unroll.testing import check_cell

from .variants import check_in_a_layer, check_onnx, check_taps, check_zero_peepholes


def test_onnx_gives_the_same():
    h = [[-0.44310051, 0.77027965], [0.74110991, -0.14392266]]
    c = [[-0.47608221, 1.02101505], [0.95293725, -0.14492893]]
    check_onnx(NoOutputGateLSTMCell(3, 2), "ifg", h, c)


def test_peepholes_of_zero_are_none():
    check_zero_peepholes(NoOutputGateLSTMCell, "ifg")


def test_gates_are_named_for_a_recording():
    check_taps(NoOutputGateLSTMCell, "ifg")


def test_in_a_layer_with_lengths():
    check_in_a_layer(NoOutputGateLSTMCell)


def test_promises_of_a_cell():
    check_cell(NoOutputGateLSTMCell)
