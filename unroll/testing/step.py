"""Promises about one step of a cell: its state, its output, its random numbers, its gradients."""

from __future__ import annotations

import io
from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError

from unroll.cells import Cell, fields, map_state
from unroll.engine import unroll
from unroll.engine.noise import at_step, draw_noise
from unroll.testing.comparison import (
    B,
    cell_name,
    check_same,
    describe_form,
    difference,
    fail,
    leaf,
    sequence,
    tensors,
    used_state,
)

Fresh = Callable[[torch.dtype], Cell]


def check_initial_state(cell: Cell, dtype: torch.dtype) -> None:
    """The initial state is finite tensors [B, ...] of the requested dtype."""
    for batch_size in (1, B):
        state = cell.initial_state(batch_size, dtype=dtype, device="cpu")
        for name, field in fields(state):
            if not isinstance(field, Tensor):
                fail(cell, f"has {type(field).__name__} in its state ({name}), not a tensor")
            if field.dim() < 1 or len(field) != batch_size:
                fail(
                    cell,
                    f"starts {name} with shape {list(field.shape)}; expected [B={batch_size}, ...]",
                )
            if field.is_floating_point() and field.dtype != dtype:
                fail(cell, f"starts {name} as {field.dtype} where {dtype} was requested")
            if not bool(torch.isfinite(field).all()):
                fail(cell, f"starts {name} with values that are not finite")


def check_step(cell: Cell, dtype: torch.dtype) -> None:
    """A step returns (output [B, output_size], new state in the form of the old one)."""
    x = torch.randn(1, B, cell.input_size, dtype=dtype)
    start = cell.initial_state(B, dtype=dtype, device="cpu")
    given = x.clone(), map_state(torch.clone, start)
    result = cell.step(x[0], start, *at_step(draw_noise(cell, x), 0))
    if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[0], Tensor):
        fail(cell, f"returns {type(result).__name__}; expected (output, new state)")
    output, new = result
    if output.shape != (B, cell.output_size) or output.dtype != dtype:
        fail(
            cell,
            f"returns an output {list(output.shape)} of {output.dtype}; expected "
            f"[B={B}, output_size={cell.output_size}] of {dtype}",
        )
    if describe_form(new) != describe_form(start):
        fail(
            cell,
            f"changes its state from {describe_form(start)} to {describe_form(new)}; expected the same form",
        )
    check_same(cell, "changes its arguments in place", (x, start), given)


def check_no_drawing(cell: Cell) -> None:
    """In training the cell draws no random numbers beside its declared noise."""
    cell.train()
    x = sequence(cell)
    before = torch.get_rng_state()
    cell.initial_state(B, dtype=x.dtype, device=x.device)
    if not torch.equal(before, torch.get_rng_state()):
        fail(
            cell,
            "draws random numbers in initial_state; draw them before the call and give them as its "
            "state",
        )
    draw_noise(cell, x)
    declared = torch.get_rng_state()
    torch.set_rng_state(before)
    unroll(cell, x, backend="loop")
    if not torch.equal(declared, torch.get_rng_state()):
        fail(
            cell, "draws random numbers itself; declare them in noise(), and the engine draws them"
        )


def check_deterministic(cell: Cell) -> None:
    """In eval mode the same input gives the same result."""
    x, state = sequence(cell), used_state(cell)
    first = unroll(cell, x, state)
    unroll(cell, x[:1], state)  # so that a hidden counter has another value
    again = unroll(cell, x, state)
    check_same(
        cell,
        "gives two results for the same input in eval mode (it draws noise, or keeps something "
        "between calls outside its state)",
        again,
        first,
    )


def check_state_matters(cell: Cell) -> None:
    """The result depends on the state."""
    x = sequence(cell)
    used, fresh = unroll(cell, x, used_state(cell)), unroll(cell, x)
    if difference(used, fresh) == 0:
        fail(cell, "ignores the state that it is given: it computes the same from another state")


def check_gradients(cell: Cell) -> None:
    """Gradcheck of outputs and final state, in x, state and parameters, with fixed noise.

    Args:
        cell: in float64; it is put into train mode.

    Raises:
        AssertionError: where an output has no gradient, or one that is not its derivative.
    """
    cell.train()
    x = sequence(cell)[:3, :2].clone().requires_grad_()
    state = map_state(lambda s: leaf(s[:2]), used_state(cell))
    names = [name for name, p in cell.named_parameters() if p.requires_grad]
    weights = [leaf(p) for p in cell.parameters() if p.requires_grad]
    seed = 1

    def run(*_: Tensor) -> tuple[Tensor, ...]:  # the tensors are changed in place
        torch.manual_seed(seed)
        out, last = unroll(cell, x, state, parameters=dict(zip(names, weights, strict=True)))
        return tuple(t for t in tensors((out, last)) if t.is_floating_point())

    if not run()[0].requires_grad:
        fail(cell, "returns an output without a gradient")
    inputs = (x, *(s for s in tensors(state) if s.is_floating_point()), *weights)
    try:
        torch.autograd.gradcheck(run, inputs, nondet_tol=1e-10)
    except GradcheckError as error:
        where = str(error).splitlines()[0].rstrip(",:")
        raise AssertionError(
            f"{cell_name(cell)} has a gradient that is not the derivative of its output (gradcheck in "
            f"float64 over 3 steps; inputs are x, state, parameters): {where}."
        ) from error


def check_save_and_load(fresh: Fresh) -> None:
    """A saved and loaded state_dict gives the same results.

    Args:
        fresh: makes a new cell of a dtype.

    Raises:
        AssertionError: where the cell cannot load its own state_dict, or computes something else
            with it.
    """
    cell, other = fresh(torch.float64), fresh(torch.float64)
    file = io.BytesIO()
    torch.save(cell.state_dict(), file)
    file.seek(0)
    try:
        other.load_state_dict(torch.load(file, weights_only=True))
    except RuntimeError as error:
        raise AssertionError(
            f"{cell_name(cell)} cannot load its own state_dict: {error}"
        ) from error
    x = sequence(cell)
    check_same(
        cell,
        "computes something else after its state_dict was saved and loaded (a weight is neither a "
        "parameter nor a buffer)",
        unroll(other, x),
        unroll(cell, x),
    )
