"""The gradient of a step as nodes."""

from dataclasses import replace

import pytest
import torch

import unroll
from unroll.engine.compiler.convert import WeightGradient
from unroll.engine.compiler.gradient import differentiate, noise_values
from unroll.engine.compiler.nodes import Node, evaluate

from ..plans import H, plan_of, planned


@pytest.mark.parametrize("name", ["tanh", "lstm", "written gru-reset-before"])
def test_the_gradient_of_a_step_is_autograds(name):
    _, plan = planned(name, gradients=False)
    found = differentiate(plan.traced, plan.loop, plan.differentiable, recorded=False)
    loop = found.loop
    sources = {
        n: torch.randn((3, n.width) if n.rows else (n.width,), dtype=n.dtype, requires_grad=True)
        for n in loop.inputs.values()
    }
    blocks = {b: torch.randn(b.shape, dtype=torch.float64) for b in found.blocks}
    blocks |= {replace(b, transposed=True): part for b, part in blocks.items()}
    results = evaluate(loop.results, sources, blocks)
    incoming = {n: torch.randn(3, n.width, dtype=n.dtype) for n in found.incoming}
    loss = sum((r * g).sum() for r, g in zip(results, incoming.values(), strict=False))
    wanted = {s: n for s, n in loop.inputs.items() if isinstance(found.sources.get(s), Node)}
    expected = torch.autograd.grad(loss, [sources[n] for n in wanted.values()])
    known = {n: t.detach() for n, t in sources.items()} | incoming
    got = evaluate([found.sources[s] for s in wanted], known, blocks)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.expand_as(b), b)


def test_the_gradient_of_a_matrix_is_a_sum_over_rows():
    _, plan = planned("lstm")
    found = differentiate(plan.traced, plan.loop, plan.differentiable, recorded=False)
    assert found.blocks
    assert all(isinstance(g, WeightGradient) for g in found.blocks.values())


class Dropping(unroll.Cell):
    """Dropout on the state, with its scale in the noise."""

    def noise(self):
        return {"mask": unroll.Noise((self.hidden_size,), "bernoulli", "step", keep=0.5)}

    def forward(self, x, h, noise):
        h = torch.tanh(x + h * (noise["mask"] * 2))
        return h, h


def test_what_is_made_of_noise_alone_has_no_gradient():
    plan = plan_of(Dropping(H, H).double())
    scaled = [n for n in noise_values(plan.traced) if n.op == "call_function"]
    assert len(scaled) == 1
    assert not any(s.kind == "rows" and plan.loop.rows[s.index] in scaled
                   for s in plan.backward.deferred)  # fmt: skip
