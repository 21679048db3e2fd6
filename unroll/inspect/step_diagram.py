"""One step of a cell as a picture of its operations, drawn from the graph that the compiler traces.

Copies, views, slices and biases are left out: what remains are the products with weights and the
operations between them, with the names that the cell gives its values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, fx

from unroll.cells import Cell
from unroll.engine.compiler.trace import trace
from unroll.engine.compiler.traced import CONSTANTS, TRANSPOSES, Traced, name_of
from unroll.inspect.drawing import Box, Drawing, Polyline, TextMark, arrow

SEEN_THROUGH = (
    *TRANSPOSES, "view", "reshape", "squeeze", "unsqueeze", "expand", "_unsafe_view", "view_copy",
    "alias", "clone", "detach", "slice", "select", "getitem", "split", "split_with_sizes", "_to_copy",
    "lift_fresh_copy", "unbind",
)  # fmt: skip
SIGNS = {"mul": "*", "add": "+", "sub": "-", "div": "/", "neg": "-", "mm": "·", "bmm": "·"}
LETTER, HIGH, ACROSS, DOWN, MARGIN, TOP = 7.0, 26.0, 34.0, 68.0, 16.0, 48.0
SWEEPS = 8  # over the columns, in which boxes move to the middle of their neighbours


@dataclass(eq=False)
class StepPart:
    """A box of the picture.

    Attributes:
        label: what is written in it.
        kind: "given" (an input or a state), "weight", "operation" or "made" (a new state, the output).
        keys: the names of its value: taps, one for each of its slices, or a field of the new state.
        before: the parts that it reads.
        column: its place from left to right.
        row: its place from top to bottom.
    """

    label: str
    kind: str
    keys: list[str] = field(default_factory=list)
    before: list[StepPart] = field(default_factory=list)
    column: int = 0
    row: float = 0.0

    @property
    def name(self) -> str:
        """Of its value, for people; empty for what has none."""
        return ", ".join(self.keys).replace("_", " ")

    @property
    def width(self) -> float:
        """Of the box, in units of the picture."""
        return max(30.0, LETTER * len(self.label) + 14)


def step_parts(cell: Cell, inputs: int) -> list[StepPart]:
    """The parts of a cell's step, each after those that it reads.

    Args:
        cell: in eval mode.
        inputs: I.

    Raises:
        Unplannable: for a cell whose step cannot be traced.
    """
    tensors = {**dict(cell.named_parameters()), **dict(cell.named_buffers())}
    like = next((p for p in tensors.values() if p.is_floating_point()), torch.zeros(()))
    state = cell.initial_state(1, dtype=like.dtype)
    x = torch.zeros(1, 1, inputs, dtype=like.dtype)
    return Reduction(trace(cell, tensors, x, state, taps=True)).parts


class Reduction:
    """A traced step with only what a reader wants to see of it.

    Attributes:
        parts: each after those that it reads.
    """

    def __init__(self, traced: Traced) -> None:
        self.parts: list[StepPart] = []
        self._of: dict[fx.Node, StepPart | None] = {}
        self._weights = {node: name for name, node in traced.parameters.items()}
        names = {node: name for name, node in traced.taps.items()}
        givens = [("x", traced.x), *zip(traced.fields, traced.states, strict=True)]
        for name, node in givens:
            self._of[node] = self._add(StepPart(name, "given"))
        for node in traced.graph.nodes:
            if node.op == "call_function":
                self._of[node] = self._reduced(node)
            if node in names and (part := self._of.get(node)) is not None:
                part.keys.append(names[node])
        made = list(zip(traced.fields, traced.new_states, strict=True))
        if traced.output not in traced.new_states:
            made.append(("output", traced.output))
        for name, node in made:
            source = self._of.get(node)
            label = name if name == "output" else f"{name}'"
            self._add(StepPart(label, "made", [name], [] if source is None else [source]))

    def _add(self, part: StepPart) -> StepPart:
        self.parts.append(part)
        return part

    def _reduced(self, node: fx.Node) -> StepPart | None:
        """The part of an operation; None for what follows from weights and numbers alone."""
        name = name_of(node)
        inputs = list(dict.fromkeys(operands(node)))
        read = [part for n in inputs if (part := self._of.get(n)) is not None]
        weights = [self._weights[n] for n in self._roots(inputs)]
        if not read or name in CONSTANTS:
            return None
        if name in SEEN_THROUGH:
            return read[0]
        if name in ("add", "sub") and len(read) == 1 and weights:
            return read[0]  # a bias
        if name in ("mul", "div") and len(set(inputs)) == 1 and len(read) == 1 and trivial(node):
            return read[0]
        if name in ("mm", "addmm", "bmm", "mul") and weights and len(read) == 1:
            return self._add(StepPart(shown_name(weights[-1]), "weight", before=read))
        label = SIGNS.get(name, name.strip("_"))
        numbers = [a for a in node.args if isinstance(a, int | float)]
        if name in ("sub", "add", "mul") and len(read) == 1 and numbers:
            sign = SIGNS[name]
            first = isinstance(node.args[0], int | float)
            label = f"{numbers[0]:g} {sign}" if first else f"{sign} {numbers[0]:g}"
        same = [p for p in self.parts if (p.label, p.before, p.keys) == (label, read, [])]
        is_gate = label in ("sigmoid", "tanh")  # each reads a slice of its own
        return (
            same[0]
            if same and not is_gate
            else self._add(StepPart(label, "operation", before=read))
        )

    def _roots(self, nodes: Iterable[fx.Node]) -> list[fx.Node]:
        """The parameters that values without any input come from."""
        found: list[fx.Node] = []
        for node in nodes:
            if node in self._weights:
                found.append(node)
            elif node.op == "call_function" and self._of.get(node) is None:
                found += self._roots(operands(node))
        return found


def operands(node: fx.Node) -> list[fx.Node]:
    """The values that an operation reads, in their order."""
    return list(node.all_input_nodes)


def trivial(node: fx.Node) -> bool:
    """Whether a product is with the number 1."""
    return any(isinstance(a, int | float) and a == 1 for a in node.args)


def shown_name(name: str) -> str:
    """The name of a parameter as it is written in a box: W_ih for weight_ih."""
    return name.replace("weight_", "W_").replace("module.", "")


def new_parts(parts: Sequence[StepPart], groups: Sequence[Sequence[str]]) -> list[set[StepPart]]:
    """For each group of keys, what has to be computed for it and was not needed for those before.

    Args:
        parts: of a step.
        groups: keys of parts, a group for each figure of a walk.
    """
    seen: set[StepPart] = set()
    found = []
    for keys in groups:
        waiting = [p for p in parts if set(keys) & set(p.keys)]
        new: set[StepPart] = set()
        while waiting:
            part = waiting.pop()
            if part not in seen | new and part.kind != "given":
                new.add(part)
                waiting += part.before
        seen |= new
        found.append(new)
    return found


def draw_step(
    parts: Sequence[StepPart],
    title: str,
    lit: Iterable[StepPart] | None = None,
    notes: dict[str, str] | None = None,
) -> Drawing:
    """The picture of a step, from left to right.

    Args:
        parts: of the step; they get their places.
        title: above it.
        lit: the parts that stand out. Default: none.
        notes: a text under the boxes with these keys: the numbers of a value.
    """
    lit, notes = set(lit or ()), notes or {}
    columns, edges = arranged(parts)
    widths = [
        max(max(p.width, LETTER * max(len(p.name), len(note_of(p, notes)))) for p in column)
        for column in columns
    ]
    lefts = [MARGIN + sum(widths[:k]) + ACROSS * k for k in range(len(columns))]
    rows = max(p.row for column in columns for p in column) + 1
    width = round(lefts[-1] + widths[-1] + MARGIN)
    drawing = Drawing(
        max(width, round(LETTER * len(title)) + 20),
        round(TOP + (rows - 1) * DOWN + HIGH + 24),
        title,
    )
    drawing.marks.append(TextMark(8, 18, title))

    def middle(part: StepPart) -> tuple[float, float]:
        return lefts[part.column] + widths[part.column] / 2, TOP + part.row * DOWN + HIGH / 2

    for route in edges:
        points = [middle(p) for p in route]
        points[0] = (points[0][0] + route[0].width / 2, points[0][1])
        points[-1] = (points[-1][0] - route[-1].width / 2, points[-1][1])
        kind = "curve c1" if route[-1] in lit else "level plain"
        drawing.marks += [Polyline(points, kind), *arrow(points[-2], points[-1], kind)]
    for part in parts:
        x, y = middle(part)
        kind = "lit" if part in lit else part.kind
        drawing.marks.append(Box(x - part.width / 2, y - HIGH / 2, part.width, HIGH, kind))
        drawing.marks.append(TextMark(x, y + 4, part.label, "mid"))
        if part.kind == "operation" and part.keys:
            drawing.marks.append(TextMark(x, y - HIGH / 2 - 3, part.name, "mid"))
        if note := note_of(part, notes):
            drawing.marks.append(TextMark(x, y + HIGH / 2 + 13, note, "mid"))
    return drawing


def note_of(part: StepPart, notes: dict[str, str]) -> str:
    """What is written under a box."""
    return ", ".join(notes[key] for key in part.keys if key in notes)


def arranged(parts: Sequence[StepPart]) -> tuple[list[list[StepPart]], list[list[StepPart]]]:
    """Put parts into columns and rows, so that few lines cross.

    Returns:
        The columns from left to right, with places for lines that pass; and the lines, each through
        one place a column.
    """
    for part in parts:
        part.column = 1 + max((p.column for p in part.before), default=-1)
    last = max((p.column for p in parts), default=0)
    for part in parts:
        if part.kind == "made":
            part.column = last
    columns: list[list[StepPart]] = [[p for p in parts if p.column == k] for k in range(last + 1)]
    edges = []
    for part in parts:
        for source in part.before:
            route = [source]
            for k in range(source.column + 1, part.column):
                bend = StepPart("", "bend", column=k)
                columns[k].append(bend)
                route.append(bend)
            edges.append([*route, part])
    near: dict[StepPart, list[StepPart]] = {p: [] for column in columns for p in column}
    for route in edges:
        for left, right in pairwise(route):
            near[left].append(right)
            near[right].append(left)
    for column in columns:
        for n, part in enumerate(column):
            part.row = float(n)
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            column.sort(
                key=lambda p: sum(q.row for q in near[p]) / len(near[p]) if near[p] else p.row
            )
            for n, part in enumerate(column):
                part.row = float(n)
    tallest = max(map(len, columns))
    for column in columns:
        for n, part in enumerate(column):
            part.row = n + (tallest - len(column)) / 2
    return columns, edges


def as_text(values: Tensor, digits: int = 2, most: int = 4) -> str:
    """The first numbers of a vector, for a picture."""
    shown = " ".join(f"{float(v):.{digits}f}" for v in values[:most])
    return shown + (" …" if len(values) > most else "")
