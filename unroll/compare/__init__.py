"""Cells side by side on one problem: the same start, the same budget, several seeds."""
