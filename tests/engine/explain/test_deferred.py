"""The deferred gradients on a page."""

import unroll
from unroll.engine.explain.page import page

from ..written_cells import CELLS
from .pages import DEFERRED, planned, sections


def test_weight_gradients_are_products_over_all_rows():
    found = sections(page(planned(CELLS["gru-reset-before"](3, 4))))[DEFERRED]
    assert any(line.startswith("d gates.weight[:, 3:7] +=") for line in found)
    assert all(".T @ " in line for line in found if "weight[" in line.split("+=")[0])


def test_what_is_hoisted_gets_its_gradient_from_what_the_loop_read():
    found = sections(page(planned(unroll.GRUCell(3, 4))))[DEFERRED]
    assert found[-1].startswith("d weight_ih, d bias_ih") and " from " in found[-1]


def test_gradients_of_vectors_are_totals():
    found = sections(page(planned(CELLS["peephole"](3, 4))))[DEFERRED]
    assert any("total(" in line for line in found)
