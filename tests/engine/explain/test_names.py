"""The names on a page."""

import pytest

from unroll.engine.explain.page import page

from ..written_cells import CELLS
from .pages import planned


@pytest.mark.parametrize("name", CELLS)
def test_every_name_is_defined_once_and_before_it_is_read(name):
    """But for what the backward computes again under its old name."""
    cell = CELLS[name](3, 4)
    text = page(planned(cell))
    lines = [
        l for l in text.splitlines() if l.startswith("    ") and " = " in l and "again" not in l
    ]
    targets = [line.strip().split(" = ")[0] for line in lines]
    assert len(targets) == len(set(targets))
