"""A traced step, and the properties of its values.

A traced value is an `fx.Node`: `meta["val"]` is its example for a batch of `Traced.batch`,
`meta["line"]` its place in the user's step, `meta["batched"]` whether it has one row for
each sequence.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

# what a value depends on: each level includes those before it
ONCE, SEQUENCE, BEFORE, STATE = range(4)

# operations by their aten names
CONSTANTS = frozenset(
    """full zeros ones full_like zeros_like ones_like scalar_tensor new_zeros new_full""".split()
)
TRANSPOSES = ("permute", "t", "transpose")


@dataclass(frozen=True)
class Traced:
    """A step as a graph.

    Attributes:
        graph: placeholders N, then parameters (and buffers), x, state fields, noises; the output
            node returns (output, *new state fields, *taps).
        size: the placeholder of the batch size.
        parameters: by name; after them, as "noise:name", the noises that are drawn "once", which
            are to the plan what parameters are: one tensor for all sequences and steps.
        x: the inputs of a step, [B, I].
        states: the fields of the state, [B, ...].
        noises: those of each "step" and "call", by name.
        once: the names of the other noises.
        output: the output of the step, [B, ...].
        new_states: the fields of the new state, [B, ...].
        batch: the batch size of the examples.
        cell: the name of the cell's class.
        fields: the names of the fields of the state.
        taps: what the step names with `tap`, for a plan that is to be recorded; else empty.
    """

    graph: fx.Graph
    size: fx.Node
    parameters: dict[str, fx.Node]
    x: fx.Node
    states: list[fx.Node]
    noises: dict[str, tuple[str, fx.Node]]
    once: list[str]
    output: fx.Node
    new_states: list[fx.Node]
    batch: int
    cell: str
    fields: tuple[str, ...]
    taps: dict[str, fx.Node] = field(default_factory=dict)

    @property
    def outputs(self) -> list[fx.Node]:
        """What is read after the loop."""
        return [self.output, *self.taps.values()]


# ---------------------------------------------------------------- questions about one value


def name_of(node: fx.Node) -> str:
    """The aten name of an operation, without its overload: "mm", "add", "getitem"."""
    target = node.target
    if target is operator.getitem:
        return "getitem"
    packet = getattr(target, "overloadpacket", None)
    return packet.__name__ if packet is not None else str(getattr(target, "__name__", target))


def width_of(node: fx.Node) -> int:
    """Columns of a value: [B, w], [B] (one), or of a parameter [w], [1, w], []."""
    val = node.meta["val"]
    if isinstance(val, list | tuple):
        return sum(v.shape[-1] for v in val)
    if val.dim() == 0:
        return 1
    if val.dim() == 1:
        return 1 if node.meta.get("batched") else val.shape[0]
    return val.shape[-1]


def line_of(node: fx.Node) -> str:
    """The place of a value in the user's step, as "file:line"; "" where nothing is known."""
    line: str = node.meta.get("line", "")
    return line


def is_rows(node: Any, batch: int) -> bool:
    """Whether a value has one row for each sequence."""
    val = node.meta.get("val") if isinstance(node, fx.Node) else None
    if isinstance(val, list | tuple):
        val = val[0]
    return isinstance(val, Tensor) and val.dim() > 0 and val.shape[0] == batch


def is_constant(node: fx.Node) -> bool:
    """Whether every number of a value is the same known number."""
    return node.op == "call_function" and name_of(node) in CONSTANTS


def is_sum(node: Any) -> bool:
    """Whether a value is the plain sum of two others."""
    return (
        isinstance(node, fx.Node)
        and node.op == "call_function"
        and name_of(node) == "add"
        and not node.kwargs
        and all(isinstance(a, fx.Node) for a in node.args)
    )


def is_part(node: fx.Node) -> bool:
    """Whether a value is a slice of another, or a piece of a split."""
    return name_of(node) in ("slice", "getitem") and isinstance(node.meta["val"], Tensor)


def sums_last_axis(node: fx.Node) -> bool:
    """Whether a sum is taken over the columns of a value [B, w]."""
    dims = as_list(node.args[1]) if len(node.args) > 1 else []
    dim = node.args[0].meta["val"].dim()  # type: ignore[union-attr]
    return dim == 2 and [d % dim for d in dims] == [1]


def constant_of(node: fx.Node) -> float | int | bool:
    """The number that a constant is full of, in the type of the constant."""
    name = name_of(node)
    if name in ("zeros", "zeros_like", "new_zeros"):
        value: Any = 0
    elif name in ("ones", "ones_like"):
        value = 1
    else:
        value = node.args[0] if name == "scalar_tensor" else node.args[-1]
    dtype = node.meta["val"].dtype
    if dtype == torch.bool:
        return bool(value)
    return float(value) if dtype.is_floating_point else int(value)


def axis_slice(node: fx.Node) -> tuple[int, fx.Node | None, int]:
    """(axis, of what, from where) of a slice or a piece of a split; None where it has a step."""
    val = node.meta["val"]
    args: Any = node.args
    if name_of(node) == "getitem":
        split, index = args
        axis = (split.args[2] if len(split.args) > 2 else split.kwargs.get("dim", 0)) % val.dim()
        return axis, split.args[0], sum(p.shape[axis] for p in split.meta["val"][:index])
    axis, lo, _, step = args[1:] + (0, 0, None, 1)[len(args) - 1 :]
    whole = args[0]
    if step != 1:
        return 0, None, 0
    axis = axis % val.dim()
    return axis, whole, slice(lo, None).indices(whole.meta["val"].shape[axis])[0]


# ---------------------------------------------------------------- small helpers


def unique(nodes: Iterable[Any]) -> list[Any]:
    """Each of them once, in the order in which they are met."""
    return list(dict.fromkeys(nodes))


def as_list(value: Any) -> list[Any]:
    """A list or tuple as a list, anything else as the only element of one."""
    return list(value) if isinstance(value, list | tuple) else [value]
