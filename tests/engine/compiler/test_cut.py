"""The operations of the loop as nodes."""

import pytest
import torch

import unroll
from unroll.engine.compiler.nodes import ancestors
from unroll.engine.refusal import Unplannable

from ..plans import H, plan_of, planned


def test_an_lstm_is_one_product_in_four_pieces():
    _, plan = planned("lstm")
    products = [n for n in ancestors(plan.loop.results) if n.op == "product"]
    assert len(plan.loop.matrices) == 1
    assert sorted(n.blocks[0].rows for n in products) == [(k * H, (k + 1) * H) for k in range(4)]


@pytest.mark.parametrize("name", ["lstm", "projected", "written stacked", "written clockwork"])
def test_the_pieces_of_a_new_state_have_its_width(name):
    _, plan = planned(name)
    for k, pieces in enumerate(plan.loop.new_states):
        assert sum(n.width for n in pieces) == plan.widths[f"state:{k}"]


def test_nodes_are_cut_no_further():
    """Operands have the width of their operation, or a single column."""
    _, plan = planned("written layer-norm")
    for node in ancestors(plan.loop.results):
        if node.op != "product":
            assert all(a.width in (1, node.width) for a in node.operands)


class ByAState(unroll.Cell):
    """Multiplies by a matrix that is made of the state."""

    def forward(self, x, h):
        h = torch.tanh(h @ (h.t() @ h) + x.sum(1, keepdim=True))
        return h, h


def test_a_product_with_what_is_no_parameter_is_refused():
    with pytest.raises(Unplannable):
        plan_of(ByAState(3, 4).double())
