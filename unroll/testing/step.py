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
    broken,
    difference,
    form,
    leaf,
    name_of,
    same,
    sequence,
    tensors,
    used_state,
)

Fresh = Callable[[torch.dtype], Cell]


def check_initial_state(cell: Cell, dtype: torch.dtype) -> None:
    for batch_size in (1, B):
        state = cell.initial_state(batch_size, dtype=dtype, device="cpu")
        for name, field in fields(state):
            if not isinstance(field, Tensor):
                broken(cell, f"has {type(field).__name__} in its state ({name}), not a tensor")
            if field.dim() < 1 or len(field) != batch_size:
                broken(
                    cell,
                    f"starts {name} with shape {list(field.shape)}; expected [B={batch_size}, ...]",
                )
            if field.is_floating_point() and field.dtype != dtype:
                broken(cell, f"starts {name} as {field.dtype} when {dtype} was asked for")
            if not bool(torch.isfinite(field).all()):
                broken(cell, f"starts {name} with numbers that are not finite")


def check_step(cell: Cell, dtype: torch.dtype) -> None:
    x = torch.randn(1, B, cell.input_size, dtype=dtype)
    start = cell.initial_state(B, dtype=dtype, device="cpu")
    given = x.clone(), map_state(torch.clone, start)
    answer = cell.step(x[0], start, *at_step(draw_noise(cell, x), 0))
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[0], Tensor):
        broken(cell, f"answers with {type(answer).__name__}; expected (output, new state)")
    output, new = answer
    if output.shape != (B, cell.output_size) or output.dtype != dtype:
        broken(
            cell,
            f"gives output {list(output.shape)} of {output.dtype}; expected "
            f"[B={B}, output_size={cell.output_size}] of {dtype}",
        )
    if form(new) != form(start):
        broken(cell, f"turns its state from {form(start)} into {form(new)}; expected the same form")
    same(cell, "changes its arguments in place", (x, start), given)


def check_no_drawing(cell: Cell) -> None:
    cell.train()
    x = sequence(cell)
    before = torch.get_rng_state()
    draw_noise(cell, x)
    declared = torch.get_rng_state()
    torch.set_rng_state(before)
    unroll(cell, x, backend="loop")
    if not torch.equal(declared, torch.get_rng_state()):
        broken(cell, "draws random numbers itself; declare them in noise(), the engine draws them")


def check_deterministic(cell: Cell) -> None:
    x, state = sequence(cell), used_state(cell)
    first = unroll(cell, x, state)
    unroll(cell, x[:1], state)  # so that a hidden counter is not back where it was
    again = unroll(cell, x, state)
    same(
        cell,
        "gives two answers to one question in eval mode (it draws noise, or keeps something "
        "between calls outside its state)",
        again,
        first,
    )


def check_state_matters(cell: Cell) -> None:
    x = sequence(cell)
    used, anew = unroll(cell, x, used_state(cell)), unroll(cell, x)
    if difference(used, anew) == 0:
        broken(cell, "ignores the state it is given: from another state it does the same")


def check_gradients(cell: Cell) -> None:
    """Gradcheck of outputs and final state, in x, state and parameters, with fixed noise."""
    cell.train()
    x = sequence(cell)[:3, :2].clone().requires_grad_()
    state = map_state(lambda s: leaf(s[:2]), used_state(cell))
    names = [name for name, p in cell.named_parameters() if p.requires_grad]
    weights = [leaf(p) for p in cell.parameters() if p.requires_grad]
    seed = 1

    def run(*_: Tensor) -> tuple[Tensor, ...]:  # the tensors are changed where they lie
        torch.manual_seed(seed)
        out, last = unroll(cell, x, state, parameters=dict(zip(names, weights, strict=True)))
        return tuple(t for t in tensors((out, last)) if t.is_floating_point())

    if not run()[0].requires_grad:
        broken(cell, "gives an output without a gradient")
    inputs = (x, *(s for s in tensors(state) if s.is_floating_point()), *weights)
    try:
        torch.autograd.gradcheck(run, inputs, nondet_tol=1e-10)
    except GradcheckError as error:
        where = str(error).splitlines()[0].rstrip(",:")
        raise AssertionError(
            f"{name_of(cell)} has a gradient that is not the slope of its output (gradcheck in "
            f"float64 over 3 steps; inputs are x, state, parameters): {where}."
        ) from error


def check_save_and_load(fresh: Fresh) -> None:
    cell, other = fresh(torch.float64), fresh(torch.float64)
    file = io.BytesIO()
    torch.save(cell.state_dict(), file)
    file.seek(0)
    try:
        other.load_state_dict(torch.load(file, weights_only=True))
    except RuntimeError as error:
        raise AssertionError(f"{name_of(cell)} cannot load its own state_dict: {error}") from error
    x = sequence(cell)
    same(
        cell,
        "computes something else after its state_dict was saved and loaded (a weight is neither a "
        "parameter nor a buffer)",
        unroll(other, x),
        unroll(cell, x),
    )
