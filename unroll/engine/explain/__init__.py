"""A plan as a page of equations."""
