"""A step as a loop of ONNX: what is computed before the loop, and what cannot be traced."""

import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.export.onnx.graph import OnnxGraph
from unroll.export.onnx.ports import ReadSequences, state_ports
from unroll.export.onnx.scan import add_scan, labelled_step, values_of_parameters


def test_products_with_inputs_are_before_the_loop_and_weights_are_constants():
    cell = unroll.GRUCell(3, 4)
    graph, ports = OnnxGraph(), state_ports(cell, "_0")
    add_scan(
        graph, cell, ReadSequences("x", "lengths", "running"), ["state_h_0"], ports, reverse=False
    )
    assert [n.op_type for n in graph.nodes].count("MatMul") == 1
    (loop,) = (n for n in graph.nodes if n.op_type == "Scan")
    (body,) = (a.g for a in loop.attribute if a.name == "body")
    kinds = [n.op_type for n in body.node]
    assert kinds.count("MatMul") == 1 and "Transpose" not in kinds  # W is turned once, here


def test_values_of_parameters_are_numbers():
    cell = unroll.GRUCell(3, 4)
    traced, levels = labelled_step(cell)
    once = values_of_parameters(traced, levels, cell)
    turned = [v for n, v in once.items() if n.op == "call_function" and v.shape == (4, 12)]
    assert len(turned) == 1 and torch.equal(turned[0], cell.weight_hh.t())


def test_a_step_that_decides_by_numbers_is_refused_with_its_line():
    class Deciding(unroll.Cell):
        """Looks at its inputs."""

        def forward(self, x, h):
            """x [B, I] -> h [B, H]."""
            return (h, h) if x.sum() > 0 else (h + 1, h)

    with pytest.raises(
        UserError, match=r"Deciding is not exported to ONNX: it decides by the value"
    ):
        labelled_step(Deciding(2, 2))
