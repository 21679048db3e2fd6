"""Backpropagation through time written out: what each step adds to the gradient of the weights.

The same weights W act at every step, so the gradient of a loss E_t at step t is a sum over steps:

    dE_t/dW = sum over k <= t of  dE_t/ds_t  ds_t/ds_k  d+s_k/dW

d+s_k/dW is the derivative of the state of step k with the state before it held fixed. Going back,
dE_t/ds_k is handed from step to step, and at each step one summand falls off.

T time, B batch, I input, O output.

Source: R. Pascanu, T. Mikolov and Y. Bengio, On the difficulty of training recurrent neural networks,
2013, equations 3 to 5 (https://arxiv.org/abs/1211.5063).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from unroll.cells import Cell, State, map_state
from unroll.cells.state import fields
from unroll.engine.compiler.trace import StepModule
from unroll.engine.noise import at_step

START = -1  # the step of what the initial state adds, where it depends on the weights


def step_summands(
    cell: Cell, x: Tensor, at_outputs: Tensor, initial: State | None = None
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """The summands of the gradient of a cell's weights, from the last step back to the first.

    When to use it: to see from which steps a gradient comes, and what truncation leaves out. The
    memory that it takes does not grow with the number of steps, apart from the states.

    Args:
        cell: in eval mode.
        x: its inputs, [T, B, I].
        at_outputs: dE/d output of every step by what is outside of the cell, [T, B, O]; zero
            where no loss and no other layer reads the output.
        initial: the state before the first step. Default: that of the cell, whose derivative is
            the last summand where it depends on the weights.

    Yields:
        The step, from 0 (`START` for the initial state), and its summand by the name of the weight.

    Examples:
        >>> import torch, unroll
        >>> from unroll.inspect.step_summands import step_summands
        >>> cell, x = unroll.RNNCell(2, 3), torch.randn(4, 1, 2)
        >>> at_outputs = torch.zeros(4, 1, 3)
        >>> at_outputs[-1] = 1.0
        >>> [k for k, summand in step_summands(cell, x, at_outputs)]
        [3, 2, 1, 0]
    """
    weights = {n: p.detach() for n, p in cell.named_parameters() if p.requires_grad}
    start = cell.initial_state(x.shape[1], dtype=x.dtype) if initial is None else initial
    states = states_before(cell, x, start)
    arriving = [torch.zeros_like(f) for _, f in fields(start) if f.is_floating_point()]
    for k in reversed(range(len(x))):
        leaves = {name: w.clone().requires_grad_() for name, w in weights.items()}
        before = map_state(leaf_of, states[k])
        with torch.enable_grad():
            given = {f"cell.{name}": w for name, w in leaves.items()}
            noise = at_step({} if cell.noise() else None, 0)  # eval mode draws none
            output, after = functional_call(StepModule(cell), given, (x[k], before, *noise))
        ends = [output, *(f for _, f in fields(after) if f.is_floating_point())]
        inner = [f for _, f in fields(before) if f.is_floating_point()]
        found = gradients(ends, [*leaves.values(), *inner], [at_outputs[k], *arriving])
        yield k, dict(zip(leaves, found, strict=False))
        arriving = found[len(leaves) :]
    if initial is None and any(f.requires_grad for _, f in fields(start)):
        used = {n: p for n, p in cell.named_parameters() if p.requires_grad}
        ends = [f for _, f in fields(start) if f.is_floating_point()]
        yield START, dict(zip(used, gradients(ends, list(used.values()), arriving), strict=True))


@torch.no_grad()
def states_before(cell: Cell, x: Tensor, start: State) -> list[State]:
    """The state before each step."""
    state, states = map_state(torch.Tensor.detach, start), []
    noise = at_step({} if cell.noise() else None, 0)
    for x_t in x:
        states.append(state)
        _, state = cell.step(x_t, state, *noise)
    return states


def leaf_of(field: Tensor) -> Tensor:
    """A copy of a field of a state that collects a gradient, where it is of floating point."""
    return field.detach().clone().requires_grad_(field.is_floating_point())


def gradients(
    ends: Sequence[Tensor], wanted: Sequence[Tensor], at_ends: Sequence[Tensor]
) -> list[Tensor]:
    """The gradient of what is wanted, zero where nothing depends on it.

    Args:
        ends: of a graph; those without one count nothing.
        wanted: leaves of the graph.
        at_ends: the gradient at each end.
    """
    pairs = [(e, g) for e, g in zip(ends, at_ends, strict=True) if e.requires_grad]
    found = (
        torch.autograd.grad(
            [e for e, _ in pairs], list(wanted), [g for _, g in pairs], allow_unused=True
        )
        if pairs
        else [None] * len(wanted)
    )
    return [torch.zeros_like(w) if g is None else g for w, g in zip(wanted, found, strict=True)]
