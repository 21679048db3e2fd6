"""A graph while it is written: constants once each, names of their own, types that ONNX has."""

import numpy as np
import pytest
import torch

from unroll.errors import UserError
from unroll.export.onnx.checking import session
from unroll.export.onnx.graph import OnnxGraph, element_type, finished


def test_equal_constants_are_kept_once_also_from_a_body():
    graph = OnnxGraph()
    body = OnnxGraph(graph)
    one = graph.constant(torch.ones(2))
    assert body.constant(np.ones(2, np.float32)) == one != graph.constant(torch.ones(2).double())
    assert len(graph.arrays) == 2 and not body.arrays
    assert graph.new_name("a") != body.new_name("a")


def test_a_choice_between_truths_runs():
    graph = OnnxGraph()
    chosen = graph.choose("test", "one", "other", torch.bool)
    graph.rename(chosen, "chosen")
    names = ("test", "one", "other", "chosen")
    *given, out = (graph.description(name, torch.bool, ["N"]) for name in names)
    model = session(finished(graph, "choice", given, [out], {"about": "a choice"}))
    test, one, other = (np.array(v) for v in ([True, False, True], [True] * 3, [False] * 3))
    (found,) = model.run(None, {"test": test, "one": one, "other": other})
    assert found.tolist() == [True, False, True]
    assert model.get_modelmeta().custom_metadata_map == {"about": "a choice"}


def test_types_that_are_not_exported_are_refused():
    assert element_type(torch.float32) == 1
    with pytest.raises(UserError, match=r"torch.complex64 are not exported"):
        element_type(torch.complex64)
