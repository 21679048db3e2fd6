import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.original_gru import OriginalGRUCell
from unroll.testing import check_cell


def wave(*shape, start):
    """Numbers that anyone can make again: 0.8 sin(start), 0.8 sin(start + 1), ..."""
    count = torch.Size(shape).numel()
    return (0.8 * torch.sin(start + torch.arange(count, dtype=torch.float64))).reshape(shape)


def filled(cell, **values):
    cell.double().load_state_dict(
        {k: torch.as_tensor(v, dtype=torch.float64) for k, v in values.items()}
    )
    return cell


def test_numbers_of_onnxruntime():
    cell = filled(
        OriginalGRUCell(2, 3),
        weight_ih=wave(9, 2, start=2),
        weight_hh=wave(9, 3, start=3),
        bias=wave(9, start=5),
    )
    _, last = unroll.unroll(cell, wave(3, 2, 2, start=1), wave(2, 3, start=4))
    # Y_h of ONNX's GRU with linear_before_reset=0 on these numbers, the rows of W, R and Wb put
    # into its order z, r, h and Rb zero; onnxruntime 1.31.1, in float32
    expected = torch.tensor(
        [[-0.72257859, -0.23590162, -0.03426782], [-0.40737662, -0.25077239, 0.40994871]]
    )
    torch.testing.assert_close(last.float(), expected, rtol=0, atol=1e-6)


def test_numbers_of_keras():
    # keras/src/layers/rnn/gru_test.py, test_correctness, reset_after=False
    cell = filled(
        OriginalGRUCell(4, 3),
        weight_ih=torch.full((9, 4), 0.01),
        weight_hh=torch.full((9, 3), 0.02),
        bias=torch.full((9,), 0.03),
    )
    sequences = torch.arange(72).reshape(3, 6, 4).double()
    _, last = unroll.unroll(cell, sequences.transpose(0, 1))
    expected = torch.tensor([[0.51447755], [0.6426879], [0.40208298]]).double().expand(3, 3)
    torch.testing.assert_close(last, expected, rtol=0, atol=1e-5)


def test_it_is_torchs_where_the_reset_gate_may_change_places_with_the_product():
    # r * (W h) = W (r * h) for a diagonal W
    cell, theirs = OriginalGRUCell(3, 4).double(), nn.GRU(3, 4).double()
    with torch.no_grad():
        cell.weight_hh[8:] = wave(4, start=1).diag()
    names = {"weight_ih_l0": cell.weight_ih, "weight_hh_l0": cell.weight_hh}
    theirs.load_state_dict(names | {"bias_ih_l0": cell.bias, "bias_hh_l0": torch.zeros(12)})
    x, h = wave(5, 2, 3, start=1), wave(2, 4, start=4)
    expected, expected_last = theirs(x, h[None])
    torch.testing.assert_close(unroll.unroll(cell, x, h), (expected, expected_last[0]))


def test_an_update_gate_of_one_keeps_the_state():
    cell = OriginalGRUCell(3, 4)
    with torch.no_grad():
        cell.bias[4:8] = 100.0
    h = torch.randn(2, 4)
    assert torch.equal(cell(torch.randn(2, 3), h)[1], h)


def test_gates_are_named_for_a_recording():
    cell, named = OriginalGRUCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["reset_gate", "update_gate", "candidate"]


def test_it_starts_as_torchs():
    for parameter in OriginalGRUCell(3, 16).parameters():
        assert 0.2 < parameter.abs().max() <= 0.25


def test_layers_with_lengths_run():
    layer = unroll.Recurrent(OriginalGRUCell, 3, 4, num_layers=2, bidirectional=True)
    output, last = layer(torch.randn(5, 3, 3), lengths=[5, 0, 2])
    assert (output.shape, last.shape) == ((5, 3, 8), (4, 3, 4))


@pytest.mark.parametrize("sizes", [(3, 4), (4, 4)])
def test_it_is_compiled(sizes):
    unroll.unroll(OriginalGRUCell(*sizes), torch.randn(5, 2, sizes[0]), backend="cpu")


def test_promises_of_a_cell():
    check_cell(OriginalGRUCell)
