"""At which columns values are cut."""

import pytest
import torch

import unroll
from unroll.engine.compiler.cut_points import MOST_PIECES, as_rows, cut_points
from unroll.engine.compiler.hoist import hoisted
from unroll.engine.compiler.partition import partition
from unroll.engine.compiler.trace import trace
from unroll.engine.compiler.traced import name_of
from unroll.engine.refusal import Unplannable

from ..plans import H, call_of


def points_of(cell):
    call = call_of(cell, torch.zeros(1, 1, cell.input_size))
    traced = trace(cell, dict(cell.named_parameters()), call.x, call.state)
    traced, levels = hoisted(traced, True)
    return cut_points(traced, partition(traced, levels, True, False).loop)


def test_a_product_is_cut_where_its_gates_begin():
    found = points_of(unroll.LSTMCell(3, H))
    products = {n: cuts for n, cuts in found.items() if name_of(n) == "mm"}
    assert list(products.values()) == [{H, 2 * H, 3 * H}]


class InColumns(unroll.Cell):
    """Splits its state into single columns."""

    def forward(self, x, h):
        h = torch.cat([torch.tanh(c) for c in h.split(1, 1)], 1) + x.sum(1, keepdim=True)
        return h, h


def test_too_many_pieces_are_refused():
    points_of(InColumns(2, MOST_PIECES))
    with pytest.raises(Unplannable, match=f"more than {MOST_PIECES} pieces"):
        points_of(InColumns(2, MOST_PIECES + 2))


def test_a_shape_is_rows_and_a_width():
    assert as_rows(torch.Size([5])) == as_rows(torch.Size([5, 1])) == (5, 1)
    assert as_rows(torch.Size([5, 2, 3])) == (5, 6)
