"""Cells that take a cell: what goes in, comes out or is remembered is changed, the step is not."""
