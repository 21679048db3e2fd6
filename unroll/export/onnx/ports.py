"""What goes into a layer and comes out of it in a graph of ONNX.

T time, B batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unroll.cells import Cell, fields
from unroll.export.onnx.graph import OnnxGraph


@dataclass(frozen=True)
class StatePort:
    """A field of the state of one cell, as an input and an output of a model.

    Attributes:
        field: its name in the cell: h, c, ...
        name: of the input, such as state_h_0; the output is next_state_h_0.
        dtype: of its numbers.
        initial: its value before the first step, without the batch [...].
    """

    field: str
    name: str
    dtype: torch.dtype
    initial: Tensor

    @property
    def next_name(self) -> str:
        """The name of the output."""
        return f"next_{self.name}"

    @property
    def shape(self) -> list[int | str]:
        """Of the input and of the output: B, and the sizes of the field."""
        return ["B", *self.initial.shape]


@dataclass(frozen=True)
class ReadSequences:
    """The sequences that a layer reads, by the names of their values.

    Attributes:
        x: inputs [T, B, I].
        lengths: steps of each sequence [B], int64; empty where all have T.
        running: whether a sequence is still running at a step, bool [T, B, 1]; empty where all are.
    """

    x: str
    lengths: str
    running: str


def state_ports(cell: Cell, suffix: str) -> list[StatePort]:
    """The fields of the state of a cell.

    Args:
        cell: in the type of its parameters.
        suffix: after the name of each field: "_0", or "_0_reverse" of the second direction.
    """
    like = next((p for p in cell.parameters() if p.is_floating_point()), torch.zeros(()))
    state = cell.initial_state(1, dtype=like.dtype, device=like.device)
    return [
        StatePort(
            name, f"state_{name.replace('.', '_')}{suffix}", field.dtype, field[0].detach().cpu()
        )
        for name, field in fields(state)
    ]


def add_initial_states(graph: OnnxGraph, ports: Sequence[StatePort], lengths: str) -> None:
    """Begin with the state before the first step, where the states are no inputs of the model.

    Args:
        graph: with the layers, which read the states by their names.
        ports: the fields.
        lengths: the name of the lengths [B].
    """
    body, graph.nodes = graph.nodes, []
    batch = graph.add("Shape", lengths)
    for port in ports:
        sizes = graph.whole(*port.initial.shape)
        shape = graph.add("Concat", batch, sizes, axis=0) if port.initial.dim() else batch
        graph.rename(graph.add("Expand", graph.constant(port.initial), shape), port.name)
    graph.nodes += body


def names_of(ports: Sequence[StatePort]) -> list[str]:
    """The names of inputs."""
    return [port.name for port in ports]
