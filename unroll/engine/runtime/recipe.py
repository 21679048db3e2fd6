"""What running a plan needs, and no more: by names instead of traced graphs, and writable as JSON.

Tracing costs a second in a new process, most of it imports; a recipe is read in milliseconds.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from unroll.engine.compiler.nodes import Block, InputSource, Node
from unroll.engine.compiler.program import Buffer, Group, Merged, Program, Sum
from unroll.engine.runtime.eager import Eager, Ref
from unroll.engine.runtime.eager import eager as eager_part

if TYPE_CHECKING:
    from unroll.engine.compiler.plan import Plan


@dataclass(frozen=True)
class NamedProduct:
    """A hoisted product by names: x @ matrix.T + bias where it is turned, else x @ matrix + bias.

    Attributes:
        matrix: the name of the matrix.
        turned: whether the product is with the transposed matrix.
        bias: the name of the bias, or None.
    """

    matrix: str
    turned: bool
    bias: str | None


@dataclass
class Recipe:
    """A plan by the names of its values.

    Attributes:
        noises: how each noise is drawn: "step", "call" or "once".
        x_width: columns of the inputs.
        once: computes the values that are made of parameters alone.
        sequence: computes the values of each sequence.
        before: computes the values of the inputs, for all steps together.
        after: computes the output and the taps from what is read after the loop.
        once_values: names of the results of `once`.
        sequence_values: names of the results of `sequence`.
        before_values: names of the results of `before`.
        after_inputs: names of what `after` reads.
        emitted: names of the values of the loop that are read after it.
        emitted_shapes: their shapes, without the rows.
        shows_emit: whether the output is what the loop emitted, as it is.
        reads: how the rows that the loop reads are made of x, or None.
        matrices: names of the matrices of the loop, by their numbers.
        vectors: names of the vectors.
        sequences: names of the values of each sequence.
        rows: names of the values of each sequence and step.
        new_states: the pieces of each field of the new state.
        emits: the pieces of each emitted value.
        differentiable: how many emitted values a gradient may come back to.
        emit_is_state: of each emitted value, the field of the state that it is, or None.
        widths: columns of every tensor of the loop.
        dtypes: their types.
        inputs: the nodes that read states, rows, sequences and vectors.
        forward: the stages of the forward loop.
        backward: the stages of the backward loop, or None.
        saved: the values that are saved for the backward, and where.
        merged: the weight gradients, by the number of their matrix.
        sums: the gradients of vectors, by their number.
        deferred: the other gradients that are computed after the loop.
        kept: the values of the backward loop that what is deferred reads, and where.
        history: the fields of the state whose every step is kept.
        rows_saved: whether the backward reads what was hoisted over the inputs.
        taps: the names that the step gave with `tap`.
    """

    noises: dict[str, str]
    x_width: int
    once: Eager
    sequence: Eager
    before: Eager
    after: Eager
    once_values: list[str]
    sequence_values: list[str]
    before_values: list[str]
    after_inputs: list[str]
    emitted: list[str]
    emitted_shapes: list[list[int]]
    shows_emit: bool
    reads: list[NamedProduct] | None
    matrices: list[str]
    vectors: list[str]
    sequences: list[str]
    rows: list[str]
    new_states: list[list[Node]]
    emits: list[list[Node]]
    differentiable: int
    emit_is_state: list[int | None]
    widths: dict[str, int]
    dtypes: dict[str, torch.dtype]
    inputs: dict[InputSource, Node]
    forward: Program
    backward: Program | None
    saved: dict[Node, Buffer]
    merged: dict[int, list[Merged]]
    sums: dict[int, list[Sum]]
    deferred: dict[InputSource, Node]
    kept: dict[Node, Buffer]
    history: set[int]
    rows_saved: bool
    taps: list[str]

    # found once, because a call of a small layer takes no longer than finding them

    @cached_property
    def shown_fields(self) -> set[int]:
        """Fields whose every step is an output."""
        return {k for k in self.emit_is_state if k is not None}

    @cached_property
    def state_names(self) -> list[str]:
        """The tensors of the states."""
        return [f"state:{k}" for k in range(len(self.new_states))]

    def turning(self, keep: bool) -> frozenset[str]:
        """States that need room for two steps only.

        Args:
            keep: whether a backward will follow.
        """
        return self._turning[keep]

    @cached_property
    def _turning(self) -> list[frozenset[str]]:
        return [
            frozenset(n for k, n in enumerate(self.state_names) if k not in whole)
            for whole in (self.shown_fields, self.history)
        ]

    @cached_property
    def saved_names(self) -> list[str]:
        """The tensors of what is saved, beside states."""
        return [name for name in self.widths if name.startswith("saved")]

    @cached_property
    def kept_names(self) -> list[str]:
        """What the backward reads of the forward's tensors."""
        return [f"state:{k}" for k in sorted(self.history)] + self.saved_names

    @cached_property
    def inputs_of_loop(self) -> int:
        """How many tensors the recurrent part is given; see `inputs_by_kind`."""
        read = len(self.rows) if self.reads is None else 1 + 2 * len(self.reads)
        kinds = (self.new_states, self.matrices, self.vectors, self.sequences)
        return sum(len(kind) for kind in kinds) + read

    @cached_property
    def own_emits(self) -> list[str]:
        """Emitted values that are no state."""
        return [f"emit:{k}" for k, same in enumerate(self.emit_is_state) if same is None]

    @cached_property
    def found(self) -> list[tuple[str, bool]]:
        """Tensors over all rows that the backward writes, and whether it leaves columns out."""
        if self.backward is None:
            return []
        columns: dict[str, int] = {}
        for buffers in self.backward.stores.values():
            for b in buffers:
                if b.time == "rows":
                    columns[b.tensor] = columns.get(b.tensor, 0) + b.width
        return [(name, n < self.widths[name]) for name, n in columns.items()]


def recipe_of(plan: Plan) -> Recipe:
    """A plan as a recipe."""
    names = lambda nodes: [n.name for n in nodes]  # noqa: E731
    traced, eager, loop, backward = plan.traced, plan.eager, plan.loop, plan.backward
    noises = {name: each for name, (each, _) in traced.noises.items()}
    return Recipe(
        noises=noises | dict.fromkeys(traced.once, "once"),
        x_width=traced.x.meta["val"].shape[1],
        once=eager_part(eager.once.graph),
        sequence=eager_part(eager.sequence.graph),
        before=eager_part(eager.before.graph),
        after=eager_part(eager.after.graph),
        once_values=names(eager.once_values),
        sequence_values=names(eager.sequence_values),
        before_values=names(eager.before_values),
        after_inputs=names(eager.after_inputs),
        emitted=names(plan.emitted),
        emitted_shapes=[list(n.meta["val"].shape[1:]) for n in plan.emitted],
        shows_emit=plan.shows_emit,
        reads=None
        if eager.reads is None
        else [
            NamedProduct(r.matrix.name, r.turned, r.bias.name if r.bias else None)
            for r in eager.reads
        ],
        matrices=names(loop.matrices),
        vectors=names(loop.vectors),
        sequences=names(loop.sequences),
        rows=names(loop.rows),
        new_states=loop.new_states,
        emits=loop.emits,
        differentiable=plan.differentiable,
        emit_is_state=plan.emit_is_state,
        widths=plan.widths,
        dtypes=plan.dtypes,
        inputs=loop.inputs,
        forward=plan.forward,
        backward=None if backward is None else backward.program,
        saved={} if backward is None else backward.saved,
        merged={} if backward is None else backward.merged,
        sums={} if backward is None else backward.sums,
        deferred={} if backward is None else backward.deferred,
        kept={} if backward is None else backward.kept,
        history=plan.history,
        rows_saved=backward is not None and backward.rows_saved,
        taps=list(traced.taps),
    )


# ---------------------------------------------------------------- JSON

CLASSES: dict[str, type] = {
    c.__name__: c
    for c in (
        Recipe,
        NamedProduct,
        Eager,
        Ref,
        Node,
        InputSource,
        Block,
        Buffer,
        Group,
        Program,
        Merged,
        Sum,
    )
}


def to_json(recipe: Recipe) -> str:
    """As text: dataclasses by name, nodes once each, in the order in which they are met."""
    nodes: dict[Node, int] = {}
    table: list[Any] = []

    def encoded(a: Any) -> Any:
        """A value as JSON can hold it.

        Raises:
            TypeError: for a value of a class that a recipe cannot hold.
        """
        if isinstance(a, Node):
            if a not in nodes:
                fields = {f.name: encoded(getattr(a, f.name)) for f in dataclasses.fields(a)}
                nodes[a] = len(table)
                table.append(fields)
            return {"node": nodes[a]}
        if dataclasses.is_dataclass(a) and not isinstance(a, type):
            fields = {f.name: encoded(getattr(a, f.name)) for f in dataclasses.fields(a)}
            return {"class": type(a).__name__, "fields": fields}
        if isinstance(a, dict):
            return {"dict": [[encoded(k), encoded(v)] for k, v in a.items()]}
        if isinstance(a, tuple | set):
            return {type(a).__name__: [encoded(v) for v in a]}
        if isinstance(a, list):
            return [encoded(v) for v in a]
        if isinstance(a, torch.dtype | torch.layout | torch.device | torch.memory_format):
            return {"torch": [type(a).__name__, str(a).removeprefix("torch.")]}
        if a is None or isinstance(a, int | float | str):
            return a
        raise TypeError(f"A recipe cannot hold {type(a).__name__}.")

    body = encoded(recipe)
    return json.dumps({"nodes": table, "recipe": body})


def from_json(text: str) -> Recipe:
    """The recipe of a text.

    Raises:
        ValueError: where the text is no JSON.
        KeyError: where something is missing or unknown.
        TypeError: where a class has other fields.
    """
    stored = json.loads(text)
    nodes: list[Node] = []

    def decoded(a: Any) -> Any:
        if isinstance(a, list):
            return [decoded(v) for v in a]
        if not isinstance(a, dict):
            return a
        if "node" in a:
            return nodes[a["node"]]
        if "class" in a:
            fields = {k: decoded(v) for k, v in a["fields"].items()}
            return CLASSES[a["class"]](**fields)
        if "dict" in a:
            return {decoded(k): decoded(v) for k, v in a["dict"]}
        if "tuple" in a:
            return tuple(decoded(v) for v in a["tuple"])
        if "set" in a:
            return {decoded(v) for v in a["set"]}
        kind, name = a["torch"]
        return torch.device(name) if kind == "device" else getattr(torch, name)

    for fields in stored["nodes"]:
        nodes.append(Node(**{k: decoded(v) for k, v in fields.items()}))
    recipe: Recipe = decoded(stored["recipe"])
    return recipe
