"""Every pooling as nodes, beside the layer: ragged lengths, and a sequence of no steps."""

import numpy as np
import pytest
import torch

from unroll.export.onnx.checking import session
from unroll.export.onnx.graph import OnnxGraph, finished
from unroll.export.onnx.layer import sequences
from unroll.export.onnx.pooling import add_pooling
from unroll.layers.pooling import POOLINGS, Pooling


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("kind", POOLINGS)
def test_a_pooling_gives_its_numbers(kind, directions):
    pooling = Pooling(kind, 6, directions)
    graph = OnnxGraph()
    pooled = add_pooling(graph, pooling, "h", sequences(graph, "h", "lengths"))
    graph.rename(pooled, "pooled")
    h = graph.description("h", torch.float32, ["T", "B", 6])
    lengths = graph.description("lengths", torch.int64, ["B"])
    out = graph.description("pooled", torch.float32, ["B", 6])
    model = session(finished(graph, "pooling", [h, lengths], [out], {}))
    values, steps = torch.randn(5, 3, 6), torch.tensor([5, 2, 0])
    values = torch.where(torch.arange(5)[:, None, None] < steps[:, None], values, 0.0)
    (found,) = model.run(None, {"h": values.numpy(), "lengths": steps.numpy()})
    expected = pooling(values, steps).detach().numpy()
    assert np.abs(found - expected).max() < 1e-6
