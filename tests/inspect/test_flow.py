import json
import math

import pytest
import torch

import unroll
from unroll.cells.names import CELLS, cell_factory
from unroll.inspect import Flow, gradients_of_cells
from unroll.inspect.flow import step_norms

from .linear import Linear


def states_of(cell, x):
    """Every state of a plain loop, its gradient kept by autograd; newest last."""
    state = cell.initial_state(x.shape[1], dtype=x.dtype)
    kept = []
    for x_t in x:
        _, state = cell.step(x_t, state)
        parts = list(state) if isinstance(state, tuple) else [state]
        for part in parts:
            part.retain_grad()
        kept.append(parts)
    return kept


@pytest.mark.parametrize("name", ["rnn", "irnn", "lstm", "gru"])
def test_norms_are_those_of_a_plain_loop_at_every_step(followed, name):
    cell = cell_factory(name)(4, 6)
    if name == "irnn":  # its own start hardly reads the inputs
        torch.nn.init.normal_(cell.weight_ih)
    flow, x, target = followed(cell, noise=False)
    kept = states_of(cell, x)
    ((kept[-1][0] - target) ** 2).sum().mul(0.5).backward()
    for field, norms in zip(["h", "c"], flow.norms.values(), strict=False):
        assert list(flow.norms)[["h", "c"].index(field)] == field
        for back, norm in enumerate(norms):
            gradient = kept[-1 - back][["h", "c"].index(field)].grad
            gradient = torch.zeros(3, 6) if gradient is None else gradient
            assert norm == pytest.approx(float(gradient.norm()) / 3**0.5, rel=1e-12)
            torch.testing.assert_close(flow.units[field][back], gradient[0])


def test_the_gradient_at_the_loss_is_the_noise(followed):
    flow, _, noise = followed(unroll.GRUCell(4, 6))
    assert flow.total_norms[0] == pytest.approx(float(noise.norm()) / 3**0.5)
    torch.testing.assert_close(flow.units["h"][0], noise[0])


def test_clipping_scales_every_step_by_one_factor(followed):
    torch.manual_seed(3)
    plain, *_ = followed(unroll.RNNCell(4, 6))
    torch.manual_seed(3)
    clipped, *_ = followed(unroll.RNNCell(4, 6), clip=0.25)
    assert clipped.clipped == pytest.approx(0.25 / plain.weight_norm)
    for one, other in zip(plain.total_norms, clipped.total_norms, strict=True):
        assert other == pytest.approx(one * clipped.clipped)
    assert clipped.halving == pytest.approx(plain.halving)


def test_the_norm_of_the_weights_gradient_is_that_of_autograd(followed):
    cell = unroll.LSTMCell(4, 6)
    flow, x, noise = followed(cell)
    output, _ = unroll.unroll(cell, x, backend="loop")
    gradients = torch.autograd.grad(output[-1], list(cell.parameters()), noise)
    squares = sum(float((g**2).sum()) for g in gradients)
    assert flow.weight_norm == pytest.approx(squares**0.5)


def test_norms_neither_underflow_nor_overflow():
    gradient = torch.tensor([3e-200, 4e-200, 3e200, 0.0, math.inf, math.nan], dtype=torch.float64)
    other = torch.tensor([4e-200, 0, 4e200, 0, 0, 0], dtype=torch.float64)
    norms = step_norms(torch.stack([gradient, other], 1)[:, None])
    for norm, expected in zip(norms, [5e-200, 4e-200, 5e200, 0], strict=False):
        assert norm == pytest.approx(expected, rel=1e-12, abs=0)
    assert norms[4:] == [math.inf, math.inf]


NEEDY = ("projected_lstm", "conv_lstm")  # these cannot be made of their sizes alone


@pytest.mark.parametrize("name", [name for name in CELLS if name not in NEEDY])
def test_every_cell_can_be_followed(name):
    flow = gradients_of_cells([name], length=4, hidden=8, batch=2).flows[0]
    assert flow.steps == 4 and flow.total_norms[0] > 0
    assert len(flow.singular_values) == 4 and math.isfinite(flow.lyapunov)
    json.dumps(flow.as_dict(), allow_nan=False)


def flow_with(norms, cell="RNNCell"):
    return Flow("it", cell, "as torch.nn", {"h": norms}, {}, {0: 1.0}, 0.0)


@pytest.mark.parametrize(
    ("base", "outcome", "advice"),
    [
        (0.5, "vanishes", "--set initialisation=orthogonal"),
        (0.999, "lasts", ""),
        (1.5, "explodes", "clipping: --set clip_norm=1"),
    ],
)
def test_the_summary_names_what_to_try(base, outcome, advice):
    flow = flow_with([base**k for k in range(101)])
    assert flow.outcome == outcome
    assert advice in flow.summary() and f"{base**50:.1e}" in flow.summary()


def test_a_gradient_that_is_zero_has_vanished():
    flow = flow_with([0.0] * 20)
    assert flow.outcome == "vanishes" and "is zero at once" in flow.summary()
    facts = flow.as_dict()
    assert facts["halves_every"] is None and facts["doubles_every"] is None


@pytest.mark.parametrize("a", [0.5, 0.9, 0.999, 1.1])
def test_a_scalar_linear_cell_halves_in_log_of_a_half_over_log_a(followed, a):
    flow, *_ = followed(Linear([[a]]), steps=60)
    assert flow.halving == pytest.approx(math.log(1 / 2) / math.log(a), rel=1e-9)
    assert flow.lyapunov == pytest.approx(math.log(a), rel=1e-9)


def test_what_neither_grows_nor_falls_never_halves(followed):
    flow, *_ = followed(Linear(torch.eye(3)))
    assert flow.halving == math.inf
