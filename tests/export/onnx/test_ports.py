"""The state of a cell as inputs and outputs: names, shapes, first values."""

import numpy as np
import torch

import unroll
from unroll.export.onnx.checking import session
from unroll.export.onnx.graph import OnnxGraph, finished
from unroll.export.onnx.ports import StatePort, add_initial_states, names_of, state_ports


def test_each_field_is_a_port():
    ports = state_ports(unroll.LSTMCell(2, 3), "_1_reverse")
    assert names_of(ports) == ["state_h_1_reverse", "state_c_1_reverse"]
    assert ports[1].next_name == "next_state_c_1_reverse" and ports[1].shape == ["B", 3]


def test_nested_fields_and_counts_have_ports():
    stack = unroll.StackedCell([unroll.ClockworkRNNCell(2, 4), unroll.GRUCell(4, 3)])
    ports = state_ports(stack, "_0")
    assert names_of(ports) == ["state_0_h_0", "state_0_clock_0", "state_1_0"]
    assert ports[1].dtype == torch.int64 and ports[1].initial.tolist() == [0]


def test_first_states_are_made_where_they_are_no_inputs():
    graph = OnnxGraph()
    graph.rename("state_h_0", "h")
    port = StatePort("h", "state_h_0", torch.float32, torch.tensor([1.0, 2.0]))
    add_initial_states(graph, [port], "lengths")
    out = graph.description("h", torch.float32, ["B", 2])
    lengths = graph.description("lengths", torch.int64, ["B"])
    model = session(finished(graph, "states", [lengths], [out], {}))
    (found,) = model.run(None, {"lengths": np.array([4, 0, 1])})
    assert found.tolist() == [[1, 2]] * 3
