"""Cells whose step is a random program, and the comparison of a backend with the loop on them.

    python -m tests.engine.random_cells --count 1000 --backend cpu --start 0 --builds-of 20

runs many of them and prints the step of each that failed. B batch, T time, I input, H hidden.

The steps are such that two right backends agree to rounding: values stay bounded, weights are
small, divisors are well above zero, and what has a kink or a jump (relu, maximum, where) never
stands where exact ties occur.
"""

from .comparison import build_together as build_together
from .comparison import compare as compare
from .comparison import unavailable as unavailable
from .values import FEATURES as FEATURES
from .writer import random_cell as random_cell
