"""A recorded plan against the loop's recording: values, states, and the gradient at every state.

T time, B batch, I input, H hidden.
"""

import pytest
import torch

import unroll
from unroll.cells import fields
from unroll.engine.call import checked_call, initial_state, parameters_of
from unroll.engine.compiler.plan import plan
from unroll.engine.compiler.trace import Unplannable, trace
from unroll.engine.cpu import build
from unroll.engine.runtime.interpret import interpreter
from unroll.engine.runtime.planned import Job, run_plans
from unroll.engine.runtime.recipe import from_json, recipe_of, to_json

from ..written_cells import CELLS

T, B, I, H = 6, 3, 3, 4
needs_a_compiler = pytest.mark.skipif(build.unavailable() is not None, reason="no compiler")


class ShownInside(unroll.Cell):
    """Its output is made of the new state within the step, one field stays, one is of x alone."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.both = torch.nn.Linear(input_size + hidden_size, hidden_size)
        self.shown = torch.nn.Linear(hidden_size, hidden_size)

    def initial_state(self, batch_size, *, dtype=None, device=None):
        zeros = torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device)
        old = torch.zeros(batch_size, self.input_size, dtype=dtype, device=device)
        return zeros, zeros + 0.5, old

    def forward(self, x, state):
        h, stays, old = state
        read, half = self.tap(read=x - old, half=0.5 * x)
        h = self.tap(h=torch.tanh(self.both(torch.cat([read + half, h], 1)) + stays))
        return torch.sigmoid(self.shown(h)) * h, (h, stays, x)


def shapes():
    torch.manual_seed(3)
    resets = torch.rand(T, B) < 0.3
    return {
        "whole": {},
        "reverse": {"reverse": True},
        "lengths": {"lengths": [6, 0, 3]},
        "resets": {"resets": resets},
        "all": {"resets": resets, "lengths": [2, 6, 5], "reverse": True},
    }


def interpreted(call):
    tensors = parameters_of(call)
    step = trace(call.cell, tensors, call.x, call.state, taps=True)
    recipe = from_json(to_json(recipe_of(plan(step, record=True))))
    start = initial_state(call.cell, call.x, None) if call.resets is not None else None
    (result,) = run_plans([Job(recipe, call, tensors, start, interpreter)])
    return result


def recorded(cell, run, shape, backwards=1):
    """What was recorded of a call whose loss reads every output and the last state."""
    torch.manual_seed(5)
    x = torch.randn(T, B, cell.input_size, dtype=torch.float64, requires_grad=True)
    record = unroll.Recording()
    arguments = {"lengths": None, "resets": None, "reverse": False, **shape}
    output, last = run(checked_call(cell, x, None, record=record, **arguments))
    loss = (output * torch.randn_like(output)).sum()
    loss = loss + sum((f**2).sum() for _, f in fields(last) if f.requires_grad)
    for left in reversed(range(backwards)):
        loss.backward(retain_graph=left > 0)
    return record, output.detach(), x.grad


def check(cell, run, shape, backwards=1):
    expected, output, of_x = recorded(cell, unroll.engine.loop.run, shape, backwards)
    found, same_output, same_of_x = recorded(cell, run, shape, backwards)
    torch.testing.assert_close(same_output, output, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(same_of_x, of_x, rtol=1e-9, atol=1e-11)
    for kind in ("values", "states", "gradients"):
        ours, theirs = getattr(found, kind), getattr(expected, kind)
        # autograd has no gradient at a field that nothing computed; the plan has
        assert set(ours) >= set(theirs) if kind == "gradients" else list(ours) == list(theirs)
        for name in theirs:
            torch.testing.assert_close(ours[name], theirs[name], rtol=1e-9, atol=1e-11)
    return found


STANDARD = {"lstm": unroll.LSTMCell, "gru": unroll.GRUCell, "inside": ShownInside}


@pytest.mark.parametrize("shape", shapes().values(), ids=shapes())
@pytest.mark.parametrize("name", STANDARD)
def test_what_is_recorded_is_what_the_loop_records(name, shape):
    torch.manual_seed(0)
    check(STANDARD[name](I, H).double(), interpreted, shape)


@pytest.mark.parametrize("name", CELLS)
def test_of_cells_as_people_write_them(name):
    torch.manual_seed(0)
    check(CELLS[name](I, H).double(), interpreted, {"lengths": [6, 0, 3]})


@pytest.mark.parametrize("make", [unroll.LSTMCell, unroll.GRUCell, ShownInside])
@needs_a_compiler
def test_compiled(make):
    torch.manual_seed(0)
    cell = make(I, H).double()
    for shape in shapes().values():
        check(cell, unroll.engine.cpu.run, shape, backwards=2)


@needs_a_compiler
def test_a_recording_changes_nothing_and_needs_no_gradient():
    cell, x = unroll.GRUCell(I, H), torch.randn(T, B, I)
    plain, state = unroll.unroll(cell, x, backend="cpu")
    with torch.no_grad():
        record = unroll.Recording()
        output, last = unroll.unroll(cell, x, backend="cpu", record=record)
    assert torch.equal(output, plain) and torch.equal(last, state) and not record.gradients
    assert torch.equal(record.states["h"], output)
    record = unroll.Recording()
    output, _ = unroll.unroll(cell, x, backend="cpu", record=record)
    assert not any(v.requires_grad for v in (*record.values.values(), *record.states.values()))
    parameters = list(cell.parameters())
    for a, b in zip(
        torch.autograd.grad(output.sum(), parameters),
        torch.autograd.grad(plain.sum(), parameters),
        strict=True,
    ):
        assert torch.equal(a, b)
    with pytest.raises(ValueError, match="holds an earlier call"):
        unroll.unroll(cell, x, backend="cpu", record=record)


@needs_a_compiler
def test_a_second_derivative_of_a_recorded_call_is_refused():
    cell, x = unroll.GRUCell(I, H), torch.randn(T, B, I, requires_grad=True)
    output, _ = unroll.unroll(cell, x, backend="cpu", record=unroll.Recording())
    with pytest.raises(RuntimeError, match=r"cannot differentiate twice .* while it records"):
        torch.autograd.grad(output.sum(), x, create_graph=True)


class NamesParameters(unroll.Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.u = torch.nn.Parameter(torch.rand(hidden_size))

    def forward(self, x, h):
        h = torch.tanh(x + self.tap(u=self.u) * h)
        return h, h


def test_what_has_no_row_for_each_sequence_is_recorded_by_the_loop():
    cell, x = NamesParameters(4, 4), torch.randn(T, B, 4)
    with pytest.raises(Unplannable, match=r"its 'u' .named with tap. does not have one row"):
        interpreted(checked_call(cell, x, record=unroll.Recording()))
    record = unroll.Recording()
    unroll.unroll(cell, x, record=record, backend="loop")
    assert record.values["u"].shape == (T, 4)
