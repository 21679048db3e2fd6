import math

import pytest
import torch

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.rg_lru import RGLRUCell
from unroll.engine.cpu import build
from unroll.testing import check_cell

needs_a_compiler = pytest.mark.skipif(
    build.unavailable() is not None, reason="nothing can be compiled here"
)


def ramp(*shape, low=-1.0, high=1.0):
    return torch.linspace(low, high, math.prod(shape), dtype=torch.float64).reshape(shape)


# google-deepmind/recurrentgemma at 2efa84d, torch RGLRU with one head in float64: the same ramps
# (its weights transposed, its a_param = -decay), three steps that are not the first of a document
THEIRS = [
    [-1.116615765792, 0.825072400235],
    [-0.993324347503, 0.878306532830],
    [-0.751467145516, 1.359594730152],
]


@pytest.mark.parametrize("backend", ["loop", "parallel"])
def test_three_steps_give_the_numbers_of_the_authors_code(backend):
    cell = RGLRUCell(2, 2).double()
    with torch.no_grad():
        cell.weight_ih.copy_(ramp(4, 2))
        cell.bias.copy_(ramp(4))
        cell.decay.copy_(ramp(2, low=2, high=4))
    x = ramp(3, 1, 2, low=-2, high=2)
    output, last = unroll.unroll(cell, x, ramp(1, 2), backend=backend)
    expected = torch.tensor(THEIRS, dtype=torch.float64)
    torch.testing.assert_close(output[:, 0], expected, atol=1e-11, rtol=0)
    torch.testing.assert_close(last, output[-1])


def test_step_gives_the_numbers_of_the_equations():
    # r = sigmoid(-log 7) = 1/8, so a = sigmoid(log 3)^(8/8) = 3/4;  i = sigmoid(0) = 1/2
    # h' = 3/4 * 2 + sqrt(1 - 9/16) * (1/2 * 4) = 1.5 + 2 sqrt(7) / 4
    cell = RGLRUCell(1, 1).double()
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.bias.copy_(torch.tensor([-math.log(7), 0.0], dtype=torch.float64))
        cell.decay.fill_(math.log(3))
    output, new = cell(torch.full((1, 1), 4.0).double(), torch.full((1, 1), 2.0).double())
    assert output.item() == pytest.approx(1.5 + math.sqrt(7) / 2)
    assert output is new


def test_inputs_of_another_width_are_projected():
    cell, x, h = RGLRUCell(3, 2).double(), ramp(1, 3), ramp(1, 2)
    same = RGLRUCell(2, 2).double()
    with torch.no_grad():
        cell.bias.copy_(ramp(6))
        cell.weight_ih[:4].zero_()
        same.weight_ih.zero_()
        same.bias.copy_(cell.bias[:4])
        same.decay.copy_(cell.decay)
    projected = x @ cell.weight_ih[4:].T + cell.bias[4:]
    torch.testing.assert_close(cell(x, h), same(projected, h))


def test_decays_start_as_in_the_paper():
    cell = RGLRUCell(1, 10_000)
    slowest = torch.sigmoid(cell.decay.detach().double()) ** 8
    assert 0.8999 < slowest.min() < 0.901 and 0.998 < slowest.max() < 0.9991
    assert slowest.mean().item() == pytest.approx(0.9495, abs=0.002)
    assert slowest.var().item() == pytest.approx(0.099**2 / 12, rel=0.05)
    assert not cell.bias.any()
    assert RGLRUCell(400, 300).weight_ih.var().item() == pytest.approx(1 / 400, rel=0.05)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shut", [-20.0, -80.0, -1000.0])
def test_a_shut_gate_holds_the_state_and_has_a_gradient(dtype, shut):
    cell = RGLRUCell(2, 2).to(dtype)
    torch.nn.init.constant_(cell.bias[:2], shut)
    x, h = torch.randn(1, 2, dtype=dtype), torch.randn(1, 2, dtype=dtype, requires_grad=True)
    output, _ = cell(x, h)
    torch.testing.assert_close(output, h, rtol=1e-3, atol=1e-3)
    gradients = torch.autograd.grad(output.sum(), [h, *cell.parameters()])
    assert all(torch.isfinite(g).all() for g in gradients)


def test_what_is_added_keeps_its_digits_where_the_decay_is_near_one():
    cell = RGLRUCell(1, 1)
    torch.nn.init.constant_(cell.bias[:1], -20.0)  # a = 1 - 6e-9 is one in float32
    zeros = torch.zeros(1, 1)
    exact = RGLRUCell(1, 1).double()
    exact.load_state_dict(cell.state_dict())
    expected = exact(torch.ones(1, 1).double(), zeros.double())[0]
    torch.testing.assert_close(
        cell(torch.ones(1, 1), zeros)[0].double(), expected, rtol=1e-5, atol=0
    )


def test_gates_are_named_for_a_recording():
    cell, named = RGLRUCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["recurrence_gate", "input_gate", "decay"]


def test_promises_of_a_cell():
    check_cell(RGLRUCell)
    check_cell(RGLRUCell, input_size=4, hidden_size=4)


def test_in_a_layer():
    layer = unroll.Recurrent(RGLRUCell, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, state.shape) == ((5, 2, 8), (4, 2, 4))
    assert not output[2:, 1].any()


@needs_a_compiler
def test_nothing_is_multiplied_in_the_compiled_loop():
    page = unroll.explain(RGLRUCell(4, 4), backend="cpu")
    assert "Parameters multiplied: 0 numbers in the loop, 32 before it" in page
