"""Plans that are interpreted give the numbers of the loop."""

import pytest

from ..random_cells import compare, random_cell
from ..written_cells import CELLS


@pytest.mark.parametrize("name", CELLS)
def test_an_interpreted_plan_of_a_written_cell_is_the_loop(name, interpreted):
    for size in ((3, 8), (2, 1)):
        cell = CELLS[name](*size).double()
        for seed in range(4):
            compare(cell, interpreted, seed=seed)


@pytest.mark.parametrize("seed", range(1000, 1012))
def test_an_interpreted_plan_of_a_random_cell_is_the_loop(seed, interpreted):
    cell = random_cell(seed)
    for case in range(3):
        compare(cell, interpreted, seed=seed + case)
