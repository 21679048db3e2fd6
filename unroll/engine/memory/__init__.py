"""Calls that keep to a bound of memory: segments and the order in which they run."""
