import math
from functools import partial

import pytest
import torch

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.sru import SRUCell
from unroll.engine.cpu import build
from unroll.testing import check_cell

needs_a_compiler = pytest.mark.skipif(
    build.unavailable() is not None, reason="nothing can be compiled here"
)


def ramp(*shape, low=-1.0, high=1.0):
    return torch.linspace(low, high, math.prod(shape), dtype=torch.float64).reshape(shape)


def double(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


# asappresearch/sru at 9ddc8da, elementwise_recurrence_naive in float64: the same ramps (its weight
# [I, H*k] is ours [k, H, I] permuted), two steps, no tanh, scale_x = sqrt(1 + 2 exp(-0.5))
THEIRS = {
    2: (
        [[-2.302161407736, 0.034632475767], [-1.534889693811, -0.072164659736]],
        [[-1.879274028619, -0.093328263411]],
    ),
    3: (
        [[-1.378684039220, 0.167858622455], [-1.245453370765, -1.262394103682]],
        [[-2.813105767632, -1.325197900594]],
    ),
}


@pytest.mark.parametrize("input_size", THEIRS)
def test_two_steps_give_the_numbers_of_the_authors_code(input_size):
    cell = SRUCell(input_size, 2, highway_bias=-0.5).double()
    with torch.no_grad():
        for p in cell.parameters():
            p.copy_(ramp(*p.shape))
    x = ramp(2, 1, input_size, low=-2, high=2)
    output, last = unroll.unroll(cell, x, ramp(1, 2), backend="loop")
    expected, c = THEIRS[input_size]
    torch.testing.assert_close(output[:, 0], double(expected), atol=1e-11, rtol=0)
    torch.testing.assert_close(last, double(c), atol=1e-11, rtol=0)


def test_step_gives_the_numbers_of_the_equations():
    # z = 3 * 2 = 6;  f = sigmoid(0 + 1*0 + 0) = 1/2;  r = sigmoid(log 3 + 0) = 3/4;  s = 1
    # c' = 1/2 * 0 + 1/2 * 6 = 3;  h' = 3/4 * 3 + 1/4 * 2 = 11/4
    cell = SRUCell(1, 1, rescale=False)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor([[3.0], [0.0], [0.0]]))
        cell.bias.copy_(torch.tensor([0.0, math.log(3)]))
    h, c = cell(torch.tensor([[2.0]]), torch.zeros(1, 1))
    assert (h.item(), c.item()) == pytest.approx((2.75, 3.0))


def test_parameters_start_as_in_the_paper():
    cell = SRUCell(300, 400, highway_bias=-2.0)
    z, f, r, p = cell.weight_ih.chunk(4)
    scale = (1 + 2 * math.exp(-2.0)) ** 0.5
    assert cell.scale == scale
    for rows, variance in ((z, 1 / 300), (f, 0.5 / 300), (r, 0.5 / 300), (p, scale**2 / 300)):
        assert rows.var().item() == pytest.approx(variance, rel=0.05)
    assert cell.weight_peephole.var().item() == pytest.approx(0.5, rel=0.2)
    assert not cell.bias[:400].any()
    assert (cell.bias[400:] == -2).all()
    assert SRUCell(4, 4).weight_ih.shape == (12, 4)
    assert SRUCell(4, 4, rescale=False).scale == 1


def test_gates_are_named_for_a_recording():
    cell, named = SRUCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["forget_gate", "reset_gate"]


def test_promises_of_a_cell():
    check_cell(SRUCell)
    check_cell(partial(SRUCell, highway_bias=-1.0, rescale=False), input_size=4)


def test_in_a_layer():
    layer = unroll.Recurrent(SRUCell, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, state.shape) == ((5, 2, 8), (4, 2, 4))
    assert not output[2:, 1].any()


def test_it_has_no_parallel_form():
    with pytest.raises(RuntimeError, match="SRUCell has no parallel form"):
        unroll.unroll(SRUCell(3, 4), torch.zeros(2, 1, 3), backend="parallel")


@needs_a_compiler
def test_nothing_is_multiplied_in_the_compiled_loop():
    page = unroll.explain(SRUCell(4, 4), backend="cpu")
    assert "Parameters multiplied: 0 numbers in the loop, 48 before it" in page
