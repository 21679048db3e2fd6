"""Any cell that can be traced as a Scan node, from the plan of its step.

What depends on parameters alone becomes constants, what depends on the inputs alone is computed for all
steps together before the loop, and the rest is the body of the loop.

T time, B batch, N rows: T B before the loop, B in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from unroll.cells import Cell
from unroll.engine.compiler.hoist import Levels, hoisted, label, tidy
from unroll.engine.compiler.trace import trace
from unroll.engine.compiler.traced import BEFORE, ONCE, STATE, Traced
from unroll.engine.refusal import Unplannable
from unroll.errors import UserError
from unroll.export.onnx.graph import OnnxGraph
from unroll.export.onnx.operations import Operations
from unroll.export.onnx.ports import ReadSequences, StatePort


def add_scan(
    graph: OnnxGraph,
    cell: Cell,
    over: ReadSequences,
    states: Sequence[str],
    ports: Sequence[StatePort],
    reverse: bool,
) -> tuple[str, list[str]]:
    """Add a cell over all steps.

    Args:
        graph: the graph, which has the inputs.
        cell: in eval mode, with parameters of its own.
        over: the sequences.
        states: names of the fields of the first state, [B, ...].
        ports: what is known of them.
        reverse: whether each sequence is read from its end.

    Returns:
        The name of the outputs [T, B, ...], which are not zero past each length, and those of the fields
        of the last state.

    Raises:
        UserError: for a step that cannot be traced, with its line.
    """
    traced, levels = labelled_step(cell)
    once = values_of_parameters(traced, levels, cell)
    return Scan(graph, traced, levels, once, over.x).add(over.running, states, ports, reverse)


def labelled_step(cell: Cell) -> tuple[Traced, Levels]:
    """The step of a cell as a graph, and the level of each of its values.

    Raises:
        UserError: where it cannot be traced, with the line of the step.
    """
    parameters = tensors_of(cell)
    like = next((t for t in parameters.values() if t.is_floating_point()), torch.zeros(()))
    x = torch.zeros(1, 2, cell.input_size, dtype=like.dtype)
    state = cell.initial_state(2, dtype=like.dtype)
    try:
        try:
            return hoisted(trace(cell, parameters, x, state), hoist=True)
        except Unplannable:  # what the compiler does not support may still have a translation
            traced = trace(cell, parameters, x, state)
            tidy(traced.graph)
            return traced, label(traced, hoist=True)
    except Unplannable as reason:
        name = type(cell).__name__
        raise UserError(f"{name} is not exported to ONNX: {str(reason)[:200]}.") from reason


def tensors_of(cell: Cell) -> dict[str, Tensor]:
    """Parameters and buffers of a cell by name."""
    found = {**dict(cell.named_parameters()), **dict(cell.named_buffers())}
    return {name: tensor.detach().cpu() for name, tensor in found.items()}


@torch.no_grad()
def values_of_parameters(traced: Traced, levels: Levels, cell: Cell) -> dict[fx.Node, Any]:
    """The values of a step that depend on parameters alone."""
    tensors = tensors_of(cell)
    known: dict[fx.Node, Any] = {node: tensors[name] for name, node in traced.parameters.items()}
    for node in traced.graph.nodes:
        if node.op == "call_function" and levels[node] == ONCE:
            args, keywords = fx.map_arg((node.args, node.kwargs), known.__getitem__)
            known[node] = node.target(*args, **keywords)
    return known


class Scan:
    """One loop over time: what is before it, its body, and the node itself.

    Args:
        graph: around it.
        traced: the step.
        levels: of its values.
        once: the values that depend on parameters alone.
        x: the name of the inputs [T, B, I].
    """

    def __init__(
        self, graph: OnnxGraph, traced: Traced, levels: Levels, once: Mapping[fx.Node, Any], x: str
    ) -> None:
        self.graph, self.traced, self.levels, self.x = graph, traced, levels, x
        self.body = OnnxGraph(graph)
        self.borders: dict[
            fx.Node, str
        ] = {}  # values of the inputs that the body reads, by name there
        width = graph.whole(traced.x.meta["val"].shape[1])
        flat = graph.add("Reshape", x, graph.add("Concat", graph.whole(-1), width, axis=0))
        rows = first_size(graph, flat)
        self.before = Operations(graph, {traced.x: flat}, once, traced.size, rows, lambda n: None)
        self.inside = Operations(self.body, {}, once, traced.size, "", self.border)

    def border(self, node: fx.Node) -> str | None:
        """The name in the body of a value that is computed before the loop."""
        if self.levels[node] != BEFORE or not isinstance(node.meta["val"], Tensor):
            return None
        return self.borders.setdefault(node, self.body.new_name("read"))

    def add(
        self, running: str, states: Sequence[str], ports: Sequence[StatePort], reverse: bool
    ) -> tuple[str, list[str]]:
        """Write the body, then what it reads, then the node; see `add_scan`."""
        traced, body, inside = self.traced, self.body, self.inside
        now = body.new_name("running") if running else ""
        old = [body.new_name(f"old_{k}") for k in range(len(states))]
        inside.values.update(zip(traced.states, old, strict=True))
        inside.rows = first_size(body, old[0] if old else now)
        new = [self.computed(node) for node in traced.new_states]
        output = body.add("Identity", self.computed(traced.output), hint="output")
        kept = [
            body.choose(self.widened(now, len(port.shape)), value, before, port.dtype)
            if running
            else body.add("Identity", value, hint="new")
            for value, before, port in zip(new, old, ports, strict=True)
        ]
        read = list(self.borders.values())
        over = [self.over_time(self.before.value(node)) for node in self.borders]
        inputs = [
            body.description(name, port.dtype, port.shape)
            for name, port in zip(old, ports, strict=True)
        ]
        if running:
            inputs.append(body.description(now, torch.bool, ["B", 1]))
        inputs += [self.described(name, node) for node, name in self.borders.items()]
        outputs = [
            body.description(name, port.dtype, port.shape)
            for name, port in zip(kept, ports, strict=True)
        ]
        outputs.append(self.described(output, traced.output))
        loop = body.helper.make_graph(body.nodes, body.new_name("step"), inputs, outputs)
        count = len(read) + bool(running)
        found = self.graph.add_many(
            "Scan",
            [*states, *([running] if running else []), *over],
            [*(f"last_{k}" for k in range(len(states))), "outputs"],
            body=loop,
            num_scan_inputs=count,
            scan_input_directions=[int(reverse)] * count,
            scan_output_directions=[int(reverse)],
        )
        return found[-1], found[:-1]

    def computed(self, node: fx.Node) -> str:
        """A value in the body; one that is the same at every step is spread over the rows."""
        name: str = self.inside.value(node)
        if self.levels[node] >= STATE or node in self.borders:
            return name
        sizes = [self.traced.size, *node.meta["val"].shape[1:]]
        return self.body.add("Expand", name, self.inside.shape(sizes))

    def widened(self, running: str, axes: int) -> str:
        """Whether each sequence is running, [B, 1, ...] with as many axes as a field has."""
        if axes == 1:
            return self.body.add("Squeeze", running, self.body.whole(1))
        more = range(2, axes)
        return self.body.add("Unsqueeze", running, self.body.whole(*more)) if more else running

    def over_time(self, name: str) -> str:
        """Rows of all steps [T B, ...] as [T, B, ...]."""
        graph = self.graph
        sizes = graph.add("Slice", graph.add("Shape", self.x), graph.whole(0), graph.whole(2))
        rest = graph.add("Slice", graph.add("Shape", name), graph.whole(1), graph.whole(9))
        return graph.add("Reshape", name, graph.add("Concat", sizes, rest, axis=0))

    def described(self, name: str, node: fx.Node) -> Any:
        """A value of the body that has one row for each sequence, as an input or output."""
        val = node.meta["val"]
        return self.body.description(name, val.dtype, ["B", *val.shape[1:]])


def first_size(graph: OnnxGraph, name: str) -> str:
    """The size of the first axis of a value, as a list of one whole number."""
    return graph.add("Slice", graph.add("Shape", name), graph.whole(0), graph.whole(1))
