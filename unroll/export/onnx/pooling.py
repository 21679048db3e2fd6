"""From the outputs of all steps to one vector of each sequence, as nodes of ONNX.

T time, B batch, D directions, W width of a direction.
"""

from __future__ import annotations

import torch

from unroll.export.onnx.graph import OnnxGraph
from unroll.export.onnx.ports import ReadSequences
from unroll.layers.pooling import Pooling


@torch.no_grad()
def add_pooling(graph: OnnxGraph, pooling: Pooling, h: str, over: ReadSequences) -> str:
    """Add a pooling.

    Args:
        graph: the graph.
        pooling: "last", "mean", "max" or "attention".
        h: the name of the outputs [T, B, D W], zero past each length.
        over: the sequences.

    Returns:
        The name of the vectors [B, D W], zero where a sequence has no steps.
    """
    time, zero = graph.whole(0), graph.constant(torch.zeros(()))
    if pooling.kind == "mean":
        counts = graph.add("Max", over.lengths, graph.constant(torch.tensor(1)))
        counts = graph.add("Unsqueeze", graph.add("Cast", counts, to=1), graph.whole(1))
        return graph.add("Div", graph.add("ReduceSum", h, time, keepdims=0), counts)
    if pooling.kind == "max":
        low = graph.constant(torch.tensor(-torch.inf))
        highest = graph.add("Where", over.running, h, low)
        highest = graph.add("ReduceMax", highest, time, keepdims=0)
        empty = graph.add("Equal", over.lengths, graph.constant(torch.tensor(0)))
        empty = graph.add("Unsqueeze", empty, graph.whole(1))
        return graph.add("Where", empty, zero, highest)
    if pooling.kind == "attention":
        key, query = pooling.key, pooling.query
        score = graph.add("MatMul", h, graph.constant(key.weight.t()))
        score = graph.add("Tanh", graph.add("Add", score, graph.constant(key.bias)))
        score = graph.add("MatMul", score, graph.constant(query.weight.t()))  # [T, B, 1]
        score = graph.add("Where", over.running, score, graph.constant(torch.tensor(-1e9)))
        share = graph.add("Where", over.running, graph.add("Softmax", score, axis=0), zero)
        return graph.add("ReduceSum", graph.add("Mul", share, h), time, keepdims=0)
    return last_outputs(graph, pooling, h, over)


def last_outputs(graph: OnnxGraph, pooling: Pooling, h: str, over: ReadSequences) -> str:
    """Each direction's own last step: the outputs at the lengths, and at the first step."""
    one, zero = graph.constant(torch.tensor(1)), graph.constant(torch.tensor(0))
    place = graph.add("Max", graph.add("Sub", over.lengths, one), zero)  # [B]
    whole = graph.add("Shape", h)
    sizes = graph.add("Slice", whole, graph.whole(1), graph.whole(3))
    index = graph.add("Unsqueeze", place, graph.whole(0, 2))
    shape = graph.add("Concat", graph.whole(1), sizes, axis=0)
    index = graph.add("Expand", index, shape)  # [1, B, D W]
    ends = graph.add("Squeeze", graph.add("GatherElements", h, index, axis=0), graph.whole(0))
    if pooling.directions == 1:
        return ends
    half = pooling.width // 2
    first = graph.add("Gather", h, zero, axis=0)
    parts = graph.whole(half, half)
    forward = graph.add_many("Split", [ends, parts], ["forward", "rest"], axis=1)[0]
    backward = graph.add_many("Split", [first, parts], ["rest", "backward"], axis=1)[1]
    return graph.add("Concat", forward, backward, axis=1)
