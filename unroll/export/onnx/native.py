"""The cells that ONNX has nodes for: RNN, LSTM and GRU, with peepholes, coupled gates and both GRUs.

T time, B batch, D directions, H hidden, G gates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unroll.cells import (
    Cell,
    CoupledLSTMCell,
    GRUCell,
    IRNNCell,
    LSTMCell,
    OriginalGRUCell,
    PeepholeLSTMCell,
    RNNCell,
)
from unroll.export.onnx.graph import OnnxGraph
from unroll.export.onnx.ports import ReadSequences


@dataclass(frozen=True)
class NativeWeights:
    """A cell as the weights of a node of ONNX.

    Attributes:
        kind: of the node: RNN, LSTM or GRU.
        w: of the inputs [G H, I], gates in the order of ONNX: i, o, f, c and z, r, h.
        r: of the state [G H, H].
        b: both biases, one after the other [2 G H].
        p: peepholes of i, o and f [3 H]. None: there are none.
        activations: of one direction. Empty: those of the node.
        attributes: what makes the node that cell.
    """

    kind: str
    w: Tensor
    r: Tensor
    b: Tensor
    p: Tensor | None = None
    activations: tuple[str, ...] = ()
    attributes: dict[str, int] = field(default_factory=dict)


def native_weights(cell: Cell) -> NativeWeights | None:
    """The cell as a node of ONNX; None where it has none, as cells of one's own have not."""
    make = NATIVE.get(type(cell))
    like = next(iter(cell.parameters()), None)
    # runtimes have these nodes for float32; others are written step by step
    return None if make is None or like is None or like.dtype != torch.float32 else make(cell)


def blocks(matrix: Tensor, count: int, order: Sequence[int]) -> Tensor:
    """The rows of a matrix or vector in another order of gates."""
    parts = matrix.detach().cpu().chunk(count)
    return torch.cat([parts[k] for k in order])


def both_biases(cell: Any, count: int, order: Sequence[int]) -> Tensor:
    """Wb and Rb of a node [2 G H]; zeros where the cell has none."""
    zeros = torch.zeros(cell.weight_ih.shape[0])
    one, two = getattr(cell, "bias_ih", None), getattr(cell, "bias_hh", None)
    if one is None:
        one = getattr(cell, "bias", None)
        one = one if isinstance(one, Tensor) else None
    found = [zeros if b is None else b.detach().cpu() for b in (one, two)]
    return torch.cat([blocks(b, count, order) for b in found])


def rnn(cell: Any) -> NativeWeights:
    """Elman networks with tanh or relu, and the IRNN."""
    name = "Relu" if getattr(cell, "nonlinearity", "relu") == "relu" else "Tanh"
    w, r = cell.weight_ih.detach().cpu(), cell.weight_hh.detach().cpu()
    return NativeWeights("RNN", w, r, both_biases(cell, 1, [0]), activations=(name,))


def lstm(cell: Any) -> NativeWeights:
    """The LSTM; rows i, f, g, o become i, o, f, c."""
    order = (0, 3, 1, 2)
    w, r = (blocks(m, 4, order) for m in (cell.weight_ih, cell.weight_hh))
    return NativeWeights("LSTM", w, r, both_biases(cell, 4, order), peepholes(cell))


def peepholes(cell: Any) -> Tensor | None:
    """The peepholes of i, o and f [3 H]; None where the cell has none."""
    names = [f"peephole_{gate}" for gate in ("input", "output", "forget")]
    found = [getattr(cell, name, None) for name in names]
    known = [p for p in found if p is not None]
    if not known:
        return None
    zeros = torch.zeros(cell.hidden_size)
    return torch.cat([zeros if p is None else p.detach().cpu() for p in found])


def coupled(cell: Any) -> NativeWeights:
    """The LSTM with f = 1 - i; the rows of f exist and are not read."""

    def with_forget(tensor: Tensor) -> Tensor:
        """Rows i, g, o as i, o, f, c."""
        i, g, o = tensor.detach().cpu().chunk(3)
        return torch.cat([i, o, torch.zeros_like(i), g])

    w, r, b = (with_forget(t) for t in (cell.weight_ih, cell.weight_hh, cell.bias))
    both = torch.cat([b, torch.zeros_like(b)])
    return NativeWeights("LSTM", w, r, both, peepholes(cell), attributes={"input_forget": 1})


def gru(cell: Any) -> NativeWeights:
    """Both GRUs: rows r, z, n become z, r, h; torch's resets after the product, the first one before."""
    order = (1, 0, 2)
    w, r = (blocks(m, 3, order) for m in (cell.weight_ih, cell.weight_hh))
    after = int(not isinstance(cell, OriginalGRUCell))
    return NativeWeights(
        "GRU", w, r, both_biases(cell, 3, order), attributes={"linear_before_reset": after}
    )


NATIVE: dict[type, Callable[[Any], NativeWeights]] = {
    RNNCell: rnn, IRNNCell: rnn, LSTMCell: lstm, PeepholeLSTMCell: lstm, CoupledLSTMCell: coupled,
    GRUCell: gru, OriginalGRUCell: gru,
}  # fmt: skip


def add_native(
    graph: OnnxGraph,
    directions: Sequence[NativeWeights],
    over: ReadSequences,
    states: Sequence[Sequence[str]],
) -> tuple[str, list[list[str]]]:
    """Add one layer as one node.

    Args:
        graph: the graph, which has the inputs.
        directions: the weights, of one direction or of two.
        over: the sequences.
        states: of each direction the names of the fields of the first state, [B, H].

    Returns:
        The name of the outputs [T, B, D H], and of each direction the names of its last state.
    """
    first = directions[0]
    H, D = first.r.shape[1], len(directions)
    stacked = lambda parts: graph.constant(torch.stack(list(parts)), "weight")  # noqa: E731
    one = graph.whole(0)
    fields = [[graph.add("Unsqueeze", s, one) for s in each] for each in zip(*states, strict=True)]
    initial = [graph.add("Concat", *each, axis=0) if D == 2 else each[0] for each in fields]
    lengths = graph.add("Cast", over.lengths, to=6) if over.lengths else ""
    inputs = [
        over.x,
        *(stacked(getattr(d, n) for d in directions) for n in "wrb"),
        lengths,
        *initial,
    ]
    if first.p is not None:
        inputs.append(stacked(d.p for d in directions))
    attributes: dict[str, Any] = {**first.attributes, "hidden_size": H}
    attributes["direction"] = "bidirectional" if D == 2 else "forward"
    if first.activations:
        attributes["activations"] = [a for d in directions for a in d.activations]
    count = len(initial)
    outputs, *last = graph.add_many(
        first.kind, inputs, ["outputs", *(["last"] * count)], **attributes
    )
    if D == 2:
        turned = graph.add("Transpose", outputs, perm=[0, 2, 1, 3])
        joined = graph.add("Reshape", turned, graph.whole(0, 0, D * H))
    else:
        joined = graph.add("Squeeze", outputs, graph.whole(1))
    found = [
        [graph.add("Gather", field, graph.constant(torch.tensor(d)), axis=0) for field in last]
        if D == 2
        else [graph.add("Squeeze", field, one) for field in last]
        for d in range(D)
    ]
    if not over.lengths:
        return joined, found
    # a sequence without steps keeps its state
    empty = graph.add("Equal", over.lengths, graph.constant(torch.tensor(0)))
    empty = graph.add("Unsqueeze", empty, graph.whole(1))
    kept = [
        [graph.add("Where", empty, old, new) for old, new in zip(*pair, strict=True)]
        for pair in zip(states, found, strict=True)
    ]
    return joined, kept
