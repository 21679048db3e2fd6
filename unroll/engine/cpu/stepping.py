"""One step at a time through the same kernels: weights packed once, a state that stays in place.

R sequences.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from unroll.cells import Cell, State, fields, map_state
from unroll.engine.compiler.plan import plan
from unroll.engine.compiler.trace import trace
from unroll.engine.cpu.kernels import Kernels
from unroll.engine.products import product
from unroll.engine.refusal import Unplannable
from unroll.engine.runtime.geometry import Times
from unroll.engine.runtime.recipe import Recipe, recipe_of
from unroll.engine.runtime.storage import flat_rows, resolved, tensors_by_name


def step_recipe(
    cell: Cell, parameters: Mapping[str, Tensor], x: Tensor, state: State, has_table: bool
) -> Recipe:
    """One step in eval mode, planned for running alone.

    Args:
        cell: the cell.
        parameters: parameters and buffers by name.
        x: inputs [T, B, I], an example.
        state: fields [B, ...], an example.
        has_table: whether the inputs are rows of a table.

    Raises:
        Unplannable: for a step that cannot be planned, or has values of each sequence.
    """
    traced = trace(copy.deepcopy(cell).eval(), parameters, x, state)
    planned = plan(traced, gradients=False, hoist=has_table, defer=False)
    if planned.loop.sequences or planned.eager.sequence_values:
        raise Unplannable("it has values that differ from sequence to sequence")
    return recipe_of(planned)


class Stepping:
    """A compiled cell, its weights as they are now, and its state.

    Args:
        recipe: the plan of one step.
        kernels: its kernels.
        parameters: parameters and buffers by name.
        state: the state before the first step, fields [R, ...].
        dtype: of the inputs.
        table: all inputs [V, I] that will ever come, or None; what depends on them alone is
            computed here, once, and a step is given their numbers.
    """

    def __init__(
        self,
        recipe: Recipe,
        kernels: Kernels,
        parameters: Mapping[str, Tensor],
        state: State,
        dtype: torch.dtype,
        table: Tensor | None = None,
    ) -> None:
        once = recipe.once(*parameters.values())
        known = dict(zip(recipe.once_values, once, strict=True))
        self.kernel = kernels.kernels[id(recipe.forward)]
        # of their own, so that a step is made of the weights of this moment
        self.matrices = [known[n].detach() for n in recipe.matrices]
        self.vectors = [known[n].detach().reshape(-1).clone() for n in recipe.vectors]
        self.recipe, self.dtype = recipe, dtype
        self.width = recipe.x_width
        self.rows: list[Tensor] | None = None
        if table is not None:
            self.rows = self.read(table, known, once)
        self.packed = torch.empty(self.kernel.packed_size, dtype=dtype, device="cpu")
        self.state = state
        # pack the weights now, in a call of no steps: later changes to them are not seen
        first = self.calls[0].call
        first.steps, first.is_packed = 0, 0
        self.kernel.function(self.calls[0].reference)
        first.steps, first.is_packed = 1, 1

    def read(
        self, table: Tensor, known: dict[str, Tensor], once: tuple[Tensor, ...]
    ) -> list[Tensor]:
        """What the loop reads of every input in the table.

        Args:
            table: all inputs, [V, I].
            known: what depends on parameters alone, by name; more is added.
            once: the same values, in order.

        Returns:
            For each tensor of rows that the loop reads, [V, w].
        """
        N, recipe = len(table), self.recipe
        if recipe.reads is not None:
            return [
                product(
                    table,
                    known[r.matrix].t() if r.turned else known[r.matrix],
                    None if r.bias is None else known[r.bias],
                )
                for r in recipe.reads
            ]
        before = recipe.before(N, *once, table)
        known.update(zip(recipe.before_values, before, strict=True))
        return [flat_rows(known[n], N).contiguous() for n in recipe.rows]

    @property
    def state(self) -> State:
        """The state after the last step, fields [R, ...]."""
        values = iter(t[self.turn * self.R :][: self.R] for t in self.states)
        return map_state(lambda s: next(values).reshape(s.shape).clone(), self.like)

    @state.setter
    def state(self, state: State) -> None:
        parts = [f for _, f in fields(state)]
        self.like = map_state(lambda s: s.detach(), state)
        self.R = R = parts[0].shape[0]
        self.turn = 0
        recipe = self.recipe
        tensors = tensors_by_name({"vector": self.vectors, "sequence": [], "rows": []})
        for k, part in enumerate(parts):
            kept = part.new_empty(2 * R, part.shape[1:].numel())
            kept[:R] = part.detach().reshape(R, -1)
            tensors[f"state:{k}"] = kept
        self.states = [tensors[f"state:{k}"] for k in range(len(parts))]
        for name, (width, dtype) in recipe.forward.scratch.items():
            tensors[name] = torch.empty(R, width, dtype=dtype, device="cpu")
        for k in range(len(recipe.emits)):
            if recipe.emit_is_state[k] is None:
                name = f"emit:{k}"
                tensors[name] = torch.empty(
                    R, recipe.widths[name], dtype=recipe.dtypes[name], device="cpu"
                )
        for k in range(len(recipe.rows)):
            name = f"rows:{k}"
            tensors[name] = torch.empty(
                R, recipe.widths[name], dtype=recipe.dtypes[name], device="cpu"
            )
        self.tensors = tensors
        at = torch.zeros(2, dtype=torch.int64, device="cpu")
        at[1] = R
        counts = torch.tensor([R], device="cpu")
        zero = torch.zeros(1, dtype=torch.int64, device="cpu")
        self.calls = []
        for turn in (0, 1):
            times = Times(
                counts, R, rows=zero, previous=at[turn : turn + 1], next=at[1 - turn : 2 - turn]
            )
            ready = self.kernel.prepare(
                tensors, self.matrices, times, frozenset(), self.packed, threads=1
            )
            ready.call.is_packed = 1
            self.calls.append(ready)
        same = recipe.emit_is_state[0]
        if same is None:
            self.shown = [tensors["emit:0"]] * 2
        else:  # what the state will be after a step from either turn
            self.shown = [self.states[same][R:], self.states[same][:R]]
        # the position of each input's address in a call
        self.inputs = [
            [
                (place, b.lo * b.dtype.itemsize)
                for place, b in enumerate(self.kernel.emitted.buffers)
                if b.tensor == f"rows:{k}"
            ]
            for k in range(len(recipe.rows))
        ]

    def select(self, rows: Tensor) -> None:
        """Keep these sequences, in this order: rows, int64, [R] of the new R."""
        self.state = map_state(lambda s: s.index_select(0, rows), self.state)

    def __call__(self, x: Tensor) -> Tensor:
        """The outputs [R, output_size] of inputs [R, I]; with a table, of their numbers [R].

        Raises:
            ValueError: without a table, for inputs of another shape, dtype or device.
            IndexError: for a single number that is not in the table.
            RuntimeError: where the kernel refuses the call.
        """
        turn = self.turn
        ready = self.calls[turn]
        starts = ready.starts
        if self.rows is None:
            if x.dtype != self.dtype or x.shape != (self.R, self.width) or not x.is_cpu:
                raise ValueError(
                    f"The stepper got inputs of shape {list(x.shape)} and {x.dtype}; expected "
                    f"[B={self.R}, I={self.width}] and {self.dtype}."
                )
            x = resolved(x).contiguous()
            self.place((x.data_ptr(),), starts)
        elif self.R == 1:  # rows of the table are read where they lie
            k = int(x)
            if not 0 <= k < len(self.rows[0]):
                raise IndexError(f"The stepper got {k}; its table has {len(self.rows[0])} rows.")
            self.place([t.data_ptr() + k * self.stride(t) for t in self.rows], starts)
        else:
            rows = [t.index_select(0, x) for t in self.rows]
            self.place([t.data_ptr() for t in rows], starts)
        if self.kernel.function(ready.reference):
            raise RuntimeError("A kernel refused a call that is not well formed.")
        self.turn = 1 - turn
        return self.shown[turn].clone()

    def place(self, addresses: Sequence[int], starts: Any) -> None:
        """Let a call read its inputs there."""
        for places, address in zip(self.inputs, addresses, strict=True):
            for place, lo in places:
                starts[place] = address + lo

    @staticmethod
    def stride(t: Tensor) -> int:
        """Bytes from row to row of t [rows, w]."""
        return t.stride(0) * t.element_size()
