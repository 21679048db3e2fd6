"""Cells as nodes of ONNX: the order of gates, and cells that have no node."""

import torch

import unroll
from unroll.export.onnx.native import blocks, native_weights


def test_gates_are_in_the_order_of_onnx():
    cell = unroll.LSTMCell(1, 1)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor([[1.0], [2.0], [3.0], [4.0]]))  # i, f, g, o
    found = native_weights(cell)
    assert found.w.flatten().tolist() == [1, 4, 2, 3]  # i, o, f, c
    assert blocks(torch.arange(3.0), 3, (1, 0, 2)).tolist() == [1, 0, 2]


def test_coupled_gates_have_rows_of_the_forget_gate_that_are_not_read():
    cell = unroll.CoupledLSTMCell(1, 1, peepholes=False)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor([[1.0], [2.0], [3.0]]))  # i, g, o
    found = native_weights(cell)
    assert found.w.flatten().tolist() == [1, 3, 0, 2] and found.attributes == {"input_forget": 1}
    assert found.p is None and found.b.shape == (8,)


def test_both_grus_differ_by_where_the_reset_acts():
    after, before = (native_weights(c(2, 2)) for c in (unroll.GRUCell, unroll.OriginalGRUCell))
    assert after.attributes == {"linear_before_reset": 1}
    assert before.attributes == {"linear_before_reset": 0}


def test_a_cell_of_ones_own_has_no_node_even_where_it_inherits():
    class Mine(unroll.LSTMCell):
        """Another step."""

    assert native_weights(Mine(2, 2)) is None and native_weights(unroll.MinGRUCell(2, 2)) is None
    assert native_weights(unroll.LSTMCell(2, 2).double()) is None
