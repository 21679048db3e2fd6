"""Cells that take a cell: they change its inputs, outputs, state or weights, not its equations."""
