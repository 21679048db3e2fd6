import cmath
import math
from functools import partial

import pytest
import torch

import unroll
from unroll.cells.lru import LRUCell, LRUState
from unroll.engine.cpu import build
from unroll.testing import check_cell

needs_a_compiler = pytest.mark.skipif(
    build.unavailable() is not None, reason="nothing can be compiled here"
)


def ramp(*shape, low=-1.0, high=1.0):
    return torch.linspace(low, high, math.prod(shape), dtype=torch.float64).reshape(shape)


def ramped(cell):
    with torch.no_grad():
        for p in cell.double().parameters():
            p.copy_(ramp(*p.shape))
    return cell


# NicolasZucchet/minimal-LRU at bbd71b1 (JAX 0.10.2, float64), LRU.__call__ with the same ramps
THEIRS = [
    [-3.255361268285, 9.988763109334],
    [-2.439624625459, 2.985820240367],
    [0.499360953841, -3.651214008921],
    [4.007522495239, -9.960523135568],
]


@pytest.mark.parametrize("backend", ["loop", "parallel"])
def test_four_steps_give_the_numbers_of_the_reference(backend):
    cell = ramped(LRUCell(2, 3, output_size=2))
    output, _ = unroll.unroll(cell, ramp(4, 1, 2, low=-2, high=2), backend=backend)
    expected = torch.tensor(THEIRS, dtype=torch.float64)
    torch.testing.assert_close(output[:, 0], expected, atol=1e-11, rtol=0)


def test_step_gives_the_numbers_of_the_equations():
    # lambda = 1/2 exp(i pi/2) = i/2;  s = 2 + 4i;  B x = (1 - 3i) * 2;  exp(log_scale) = 1/2
    # s' = i/2 * (2 + 4i) + (1 - 3i) = -2 + i + 1 - 3i = -1 - 2i
    # y = Re((5 + 1i)(-1 - 2i)) + 10 * 2 = (-5 + 2) + 20 = 17
    cell = LRUCell(1, 1).double()
    values = {
        "log_decay": [math.log(math.log(2))], "log_phase": [math.log(math.pi / 2)],
        "log_scale": [math.log(0.5)], "weight_ih": [[1.0], [-3.0]], "weight_output": [[5.0, 1.0]],
        "skip": [10.0],
    }  # fmt: skip
    with torch.no_grad():
        for name, value in values.items():
            getattr(cell, name).copy_(torch.tensor(value, dtype=torch.float64))
    state = LRUState(torch.tensor([[2.0]]).double(), torch.tensor([[4.0]]).double())
    y, new = cell(torch.tensor([[2.0]]).double(), state)
    assert (y.item(), new.real.item(), new.imaginary.item()) == pytest.approx((17, -1, -2))


def test_it_is_a_sum_of_turning_decays():
    """In Python's complex numbers: s_t = sum over k of lambda^(t - k) exp(log_scale) B x_k."""
    cell, x = ramped(LRUCell(1, 2, output_size=3)), ramp(5, 1, 1)
    B = [complex(*cell.weight_ih[[n, n + 2], 0].tolist()) for n in (0, 1)]
    turn = [
        cmath.exp(complex(-math.exp(nu), math.exp(theta)))
        for nu, theta in zip(cell.log_decay.tolist(), cell.log_phase.tolist(), strict=True)
    ]
    scale = [math.exp(g) for g in cell.log_scale.tolist()]
    s = [
        sum(turn[n] ** (4 - k) * scale[n] * B[n] * x[k, 0, 0].item() for k in range(5))
        for n in (0, 1)
    ]
    C = [[complex(*cell.weight_output[o, [n, n + 2]].tolist()) for n in (0, 1)] for o in range(3)]
    y = [sum(C[o][n] * s[n] for n in (0, 1)).real + cell.skip[o, 0].item() * 1.0 for o in range(3)]
    output, state = unroll.unroll(cell, x, backend="parallel")
    assert output[-1, 0].tolist() == pytest.approx(y)
    assert state.imaginary[0].tolist() == pytest.approx([v.imag for v in s])


def test_decays_start_on_the_ring_and_keep_the_variance():
    cell = LRUCell(1, 20_000, output_size=1, r_min=0.6, r_max=0.8, max_phase=0.5)
    radius = torch.exp(-torch.exp(cell.log_decay)).detach().double()
    assert 0.6 <= radius.min() < 0.601 and 0.799 < radius.max() <= 0.8001
    area = (radius**2 - 0.36) / (0.64 - 0.36)  # uniform by area
    assert area.mean().item() == pytest.approx(0.5, abs=0.01)
    assert area.var().item() == pytest.approx(1 / 12, rel=0.05)
    phase = torch.exp(cell.log_phase)
    assert 0 < phase.min() and phase.max() <= 0.5
    assert phase.mean().item() == pytest.approx(0.25, abs=0.01)
    scale = torch.exp(cell.log_scale).detach().double()
    torch.testing.assert_close(scale, (1 - radius**2).sqrt(), rtol=1e-4, atol=1e-4)


def test_projections_start_as_in_the_paper():
    cell = LRUCell(300, 400, output_size=300)
    assert cell.weight_ih.var().item() == pytest.approx(1 / 600, rel=0.05)
    assert cell.weight_output.var().item() == pytest.approx(1 / 400, rel=0.05)
    assert cell.skip.var().item() == pytest.approx(1, rel=0.3)
    assert LRUCell(300, 400).skip.var().item() == pytest.approx(1 / 300, rel=0.05)


@pytest.mark.parametrize("r_min", [0.0, 0.9])
def test_the_whole_disc_can_be_drawn_without_an_infinity(r_min):
    for _ in range(20):
        cell = LRUCell(2, 1000, r_min=r_min)
        assert all(torch.isfinite(p).all() for p in cell.parameters())


@pytest.mark.parametrize(("r_min", "r_max"), [(0.5, 0.5), (0.9, 0.1), (-0.1, 1.0), (0.5, 1.1)])
def test_a_ring_outside_the_unit_circle_is_refused(r_min, r_max):
    with pytest.raises(ValueError, match=f"r_min={r_min} and r_max={r_max}; expected 0 <= r_min"):
        LRUCell(3, 4, r_min=r_min, r_max=r_max)


@pytest.mark.parametrize("max_phase", [0.0, 7.0])
def test_an_angle_is_refused_that_is_none(max_phase):
    with pytest.raises(ValueError, match=f"max_phase={max_phase}; expected an angle in radians"):
        LRUCell(3, 4, max_phase=max_phase)


def test_promises_of_a_cell():
    check_cell(LRUCell)
    check_cell(partial(LRUCell, output_size=3, r_min=0.9))  # I = O: the diagonal D


def test_in_a_layer():
    layer = unroll.Recurrent(LRUCell, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, state.real.shape) == ((5, 2, 8), (4, 2, 4))
    assert not output[2:, 1].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_small_floats_have_a_parallel_form_too(dtype):
    cell, x = LRUCell(3, 4), torch.randn(20, 2, 3)
    expected, _ = unroll.unroll(cell, x, backend="loop")
    output, state = unroll.unroll(cell.to(dtype), x.to(dtype), backend="parallel")
    assert output.dtype == state.real.dtype == dtype
    torch.testing.assert_close(output.float(), expected, rtol=0.1, atol=0.1)


@needs_a_compiler
def test_nothing_is_multiplied_in_the_compiled_loop():
    page = unroll.explain(LRUCell(4, 4), backend="cpu")
    assert "Parameters multiplied: 0 numbers in the loop, 32 before it, 32 after it" in page
