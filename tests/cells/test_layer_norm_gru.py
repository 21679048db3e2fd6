import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.layer_norm_gru import LayerNormGRUCell
from unroll.testing import check_cell


def wave(*shape, start):
    """Numbers that anyone can make again: 0.8 sin(start), 0.8 sin(start + 1), ..."""
    count = torch.Size(shape).numel()
    return (0.8 * torch.sin(start + torch.arange(count, dtype=torch.float64))).reshape(shape)


STARTS = {
    "weight_ih": 2,
    "weight_hh": 3,
    "gain_ih": 5,
    "gain_hh": 6,
    "bias": 7,
    "bias_recurrent": 8,
}


def waving(cell):
    state = cell.state_dict()
    cell.double().load_state_dict({k: wave(*state[k].shape, start=s) for k, s in STARTS.items()})
    return cell


def test_numbers_of_the_authors_code():
    cell = waving(LayerNormGRUCell(2, 3))
    _, last = unroll.unroll(cell, wave(3, 2, 2, start=1), wave(2, 3, start=4))
    # `ln` and `_step_slice` of lngru_layer in ryankiros/layer-norm's layers.py (d415153), run
    # with numpy in theano's place in float64: b1, s1 and b2, s2 are the first 2H and the last H
    # of bias and gain_ih, s3 and s4 those of gain_hh, b3 is zero and b4 bias_recurrent
    expected = torch.tensor(
        [
            [0.598283724057, 0.355481267288, 0.221085885256],
            [0.845419717763, 0.592160596119, 0.677905253205],
        ],
        dtype=torch.float64,
    )
    torch.testing.assert_close(last, expected, rtol=0, atol=2e-12)


def test_step_gives_the_numbers_of_the_equations():
    cell = LayerNormGRUCell(1, 2, epsilon=0.0).double()
    cell.load_state_dict(
        {
            "weight_ih": torch.tensor([[0.0], [0.0], [0.0], [1.0], [3.0], [1.0]]),
            "weight_hh": torch.tensor([[0.0, 0], [0, 0], [0, 0], [1, 0], [0, 1], [1, 0]]),
            "gain_ih": torch.ones(6),
            "gain_hh": torch.ones(6),
            "bias": torch.zeros(6),
            "bias_recurrent": torch.zeros(2),
        }
    )
    h = torch.tensor([[2.0, -1.0]]).double()
    output, _ = cell(torch.tensor([[5.0]]).double(), h)
    # the gates' products are 5 * (0, 0, 0, 1) and (0, 0, 0, 2): both with mean a quarter of the
    # last and deviation sqrt(3) times that, so both normed are (-1, -1, -1, 3) / sqrt(3);
    # the candidate's are (15, 5) -> (1, -1) and (-1, 2) -> (-1, 1)
    s = 2 / 3**0.5
    r, z = torch.tensor([-s, -s]).sigmoid(), torch.tensor([-s, 3 * s]).sigmoid()
    n = torch.tanh(torch.tensor([1.0, -1.0]) + r * torch.tensor([-1.0, 1.0]))
    expected = (1 - z) * n + z * h
    torch.testing.assert_close(output, expected.double(), rtol=0, atol=1e-6)


def test_the_scale_of_a_product_does_not_matter():
    cell = waving(LayerNormGRUCell(2, 3, epsilon=0.0))
    x, h = wave(3, 2, 2, start=1), wave(2, 3, start=4)
    expected = unroll.unroll(cell, x, h)
    with torch.no_grad():
        cell.weight_ih *= 7
        cell.weight_hh[:6] *= 0.2
        cell.weight_hh[6:] += 3 * torch.ones(1, 3)  # the same for each unit: taken off again
    torch.testing.assert_close(unroll.unroll(cell, x, h), expected)


def test_it_starts_as_a_norm_that_only_norms():
    cell = LayerNormGRUCell(3, 16)
    nn.init.zeros_(cell.gain_ih)
    nn.init.ones_(cell.bias_recurrent)
    cell.reset_parameters()
    for name, parameter in cell.named_parameters():
        if name.startswith("weight"):
            assert 0.2 < parameter.abs().max() <= 0.25
        else:
            assert (parameter == (1 if name.startswith("gain") else 0)).all()


def test_gates_are_named_for_a_recording():
    cell, named = LayerNormGRUCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["reset_gate", "update_gate", "candidate"]


def test_layers_with_lengths_run():
    layer = unroll.Recurrent(LayerNormGRUCell, 3, 4, num_layers=2, bidirectional=True)
    output, last = layer(torch.randn(5, 3, 3), lengths=[5, 0, 2])
    assert (output.shape, last.shape) == ((5, 3, 8), (4, 3, 4))


def test_it_is_compiled():
    unroll.unroll(LayerNormGRUCell(3, 4), torch.randn(5, 2, 3), backend="cpu")


def test_promises_of_a_cell():
    check_cell(LayerNormGRUCell)
