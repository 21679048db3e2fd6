"""Checks of cells for our own tests and for users' cells: `check_cell`."""

from unroll.testing.cell import check_cell as check_cell
