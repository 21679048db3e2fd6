"""A recurrent layer as a model of ONNX, run beside the layer before it is kept.

T time, B batch, I input, D directions, L layers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unroll.cells import Cell
from unroll.errors import UserError
from unroll.export.onnx.checking import check_layer
from unroll.export.onnx.graph import OnnxGraph, finished
from unroll.export.onnx.native import add_native, native_weights
from unroll.export.onnx.ports import ReadSequences, StatePort, state_ports
from unroll.export.onnx.scan import add_scan
from unroll.layers.stack import Part
from unroll.layers.stepper import copy_with_parameters


@dataclass(frozen=True)
class ExportedLayer:
    """What `to_onnx` wrote.

    Attributes:
        path: of the file.
        nodes: of each layer what it became: "LSTM", "GRU", "RNN" or "Scan".
        states: the fields of the state, which are inputs and outputs.
        difference: the largest difference to the layer, relative to the largest number where that is
            above 1.
    """

    path: Path
    nodes: tuple[str, ...]
    states: tuple[StatePort, ...]
    difference: float


def to_onnx(layer: nn.Module, path: str | Path, *, lengths: bool = True) -> ExportedLayer:
    """Write a recurrent layer as a file of ONNX, which needs neither unroll nor torch.

    When to use it: to run a layer of any cell elsewhere: with free T and B, lengths, and a state that
    goes in and comes out, so that streams go on from call to call.

    The inputs are `input` [T, B, I] ([B, T, I] with batch_first), `lengths` [B], int64, and for each
    layer and field `state_h_0`, ... [B, ...]; the outputs are `output` [T, B, D*H], zero past each
    length, and `next_state_h_0`, ... The second direction has `state_h_0_reverse`. What a state is
    before the first step stands in the metadata as `unroll.states`; for nearly all cells it is zeros.
    RNN, LSTM (with peepholes, coupled gates) and GRU (both) become the nodes that ONNX has for them,
    every other cell a Scan.

    Args:
        layer: `Recurrent`, `LSTM`, `GRU` or `RNN`, as it is in eval mode: without dropout.
        path: of the file; it is replaced only when the new one gives the numbers of the layer.
        lengths: False leaves the input `lengths` out: every sequence has T steps. For streams, which are
            read a step at a time. Default: True.

    Returns:
        What was written, and the largest difference that was found.

    Raises:
        UserError: for a step that cannot be traced or translated, where the numbers differ by more than
            1e-5, and where the package onnx or onnxruntime is missing.

    Examples:
        >>> import tempfile, unroll
        >>> from unroll.export import to_onnx
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found = to_onnx(unroll.Recurrent("min_gru", 3, 4), f"{folder}/layer.onnx")
        >>> found.nodes, [state.name for state in found.states], found.difference < 1e-5
        (('Scan',), ['state_h_0'], True)
    """
    parts = getattr(layer, "parts", None)
    if not isinstance(layer, nn.Module) or parts is None:
        raise UserError(
            f"to_onnx got {type(layer).__name__}; expected a recurrent layer of unroll: Recurrent, LSTM, "
            "GRU or RNN. For a trained run: unroll export RUN --to onnx."
        )
    batch_first = bool(getattr(layer, "batch_first", False))
    graph = OnnxGraph()
    x = graph.add("Transpose", "input", perm=[1, 0, 2]) if batch_first else "input"
    over = sequences(graph, x, "lengths" if lengths else "")
    output, nodes, ports = add_layers(graph, parts(), over)
    if batch_first:
        output = graph.add("Transpose", output, perm=[1, 0, 2])
    graph.rename(output, "output")
    dtype = next((p.dtype for p in layer.parameters() if p.is_floating_point()), torch.float32)
    first = parts()[0][0].cell
    axes: list[int | str] = ["B", "T"] if batch_first else ["T", "B"]
    inputs = [
        graph.description("input", dtype, [*axes, first.input_size]),
        *([graph.description("lengths", torch.int64, ["B"])] if lengths else []),
        *(graph.description(p.name, p.dtype, p.shape) for p in ports),
    ]
    width = sum(p.cell.output_size for p in parts()[-1])
    outputs = [
        graph.description("output", dtype, [*axes, width]),
        *(graph.description(p.next_name, p.dtype, p.shape) for p in ports),
    ]
    about = {"unroll.kind": "layer", "unroll.states": states_json(ports)}
    content = finished(graph, "layer", inputs, outputs, about)
    difference = check_layer(content, layer, ports, lengths=lengths)
    replace_file(Path(path), content)
    return ExportedLayer(Path(path), tuple(nodes), tuple(ports), difference)


def sequences(graph: OnnxGraph, x: str, lengths: str) -> ReadSequences:
    """Inputs [T, B, I] and lengths [B], with what is running at each step; no lengths where empty."""
    if not lengths:
        return ReadSequences(x, "", "")
    steps = graph.add(
        "Range",
        graph.constant(torch.tensor(0)),
        graph.add("Gather", graph.add("Shape", x), graph.constant(torch.tensor(0)), axis=0),
        graph.constant(torch.tensor(1)),
    )
    each = graph.add("Unsqueeze", steps, graph.whole(1, 2))  # [T, 1, 1]
    ends = graph.add("Unsqueeze", lengths, graph.whole(0, 2))  # [1, B, 1]
    return ReadSequences(x, lengths, graph.add("Less", each, ends, hint="running"))


def add_layers(
    graph: OnnxGraph, rows: Sequence[Sequence[Part]], over: ReadSequences, first: int = 0
) -> tuple[str, list[str], list[StatePort]]:
    """Add layers one upon the other, with a state in and out for each cell.

    Args:
        graph: the graph.
        rows: of `layer.parts()`: one row per layer, in it one cell per direction.
        over: what the first layer reads.
        first: the number of the first layer, for the names of its states.

    Returns:
        The name of the outputs [T, B, D H], zero past each length, what each layer became, and the
        fields of all states.
    """
    nodes, ports = [], []
    for k, row in enumerate(rows, start=first):
        output, node, new = add_layer(graph, [copy_with_parameters(p) for p in row], over, k)
        nodes.append(node)
        ports += new
        over = ReadSequences(output, over.lengths, over.running)
    return over.x, nodes, ports


def add_layer(
    graph: OnnxGraph, cells: Sequence[Cell], over: ReadSequences, number: int
) -> tuple[str, str, list[StatePort]]:
    """Add one layer of one or two directions; see `add_layers`."""
    suffixes = [f"_{number}", f"_{number}_reverse"][: len(cells)]
    ports = [state_ports(cell, suffix) for cell, suffix in zip(cells, suffixes, strict=True)]
    states = [[p.name for p in each] for each in ports]
    native = [w for cell in cells if (w := native_weights(cell)) is not None]
    if len(native) == len(cells):
        output, last = add_native(graph, native, over, states)
        node = native[0].kind
    else:
        found = [
            add_scan(graph, cell, over, states[d], ports[d], reverse=d == 1)
            for d, cell in enumerate(cells)
        ]
        outputs, last, node = [out for out, _ in found], [new for _, new in found], "Scan"
        output = graph.add("Concat", *outputs, axis=2) if len(outputs) > 1 else outputs[0]
    if over.running:
        dtype = next((p.dtype for p in cells[0].parameters()), torch.float32)
        zero = graph.constant(torch.zeros((), dtype=dtype))
        output = graph.add("Where", over.running, output, zero, hint="output")
    for names, each in zip(last, ports, strict=True):
        for name, port in zip(names, each, strict=True):
            graph.rename(name, port.next_name)
    return output, node, [port for each in ports for port in each]


def states_json(ports: Sequence[StatePort]) -> str:
    """The fields of the state, for metadata: names, shapes, and values before the first step."""
    return json.dumps([port_record(port) for port in ports])


def port_record(port: StatePort) -> dict[str, Any]:
    """A field of the state as JSON holds it; `initial` is 0, or all its numbers where it is not zero."""
    initial: Any = port.initial.tolist() if port.initial.any() else 0
    return {
        "input": port.name,
        "output": port.next_name,
        "shape": list(port.initial.shape),
        "type": str(port.dtype).removeprefix("torch."),
        "initial": initial,
    }


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole, or leave what is there.

    Raises:
        UserError: where it cannot be written.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error
