"""The promises that every cell keeps, as one function for our own tests and for users' cells."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from unroll.cells import Cell, as_cell
from unroll.engine.backends import backend
from unroll.testing.fast_forms import check_compiled, check_parallel
from unroll.testing.sequences import (
    check_one_by_one,
    check_padding,
    check_resets,
    check_reverse,
    check_step_by_step,
    check_two_halves,
)
from unroll.testing.step import (
    check_deterministic,
    check_gradients,
    check_initial_state,
    check_no_drawing,
    check_save_and_load,
    check_state_matters,
    check_step,
)


def check_cell(
    make: Callable[[int, int], nn.Module], *, input_size: int = 3, hidden_size: int = 4
) -> None:
    """Check that a cell keeps every promise that layers, backends and generation rely on.

    When to use it: in the tests of a cell of your own, before anything is trained with it.

    The promises:

    - shapes and dtypes in float32 and float64; a step keeps the form of the initial state;
    - arguments are not changed; the cell draws no random numbers of its own; eval mode is
      deterministic; the state matters;
    - gradients (gradcheck over three steps); save and load;
    - batch = one by one; padded = unpadded, with NaN in the padding and a length of zero; one pass
      = two halves; reverse = each sequence flipped; a reset = a start from the initial state; step
      by step = sequence;
    - where the cell has a `parallel` form: that form = step by step, from any state that occurs and
      at any split;
    - where the step can be compiled: compiled kernels = the loop.

    Args:
        make: the class, or any `callable(input_size, hidden_size) -> Cell`; called several times,
            and must give a new cell each time.
        input_size: I; a small number keeps gradcheck quick.
        hidden_size: H; a small number keeps gradcheck quick.

    The caller's random state does not change.

    Raises:
        AssertionError: the first broken promise, as a sentence.
        TypeError: `make` returns no cell.

    Examples:
        >>> import torch, unroll
        >>> from unroll.testing import check_cell
        >>> class LeakyCell(unroll.Cell):
        ...     def __init__(self, input_size, hidden_size):
        ...         super().__init__(input_size, hidden_size)
        ...         self.read = torch.nn.Linear(input_size, hidden_size)
        ...     def forward(self, x, h):
        ...         h = 0.9 * h + 0.1 * torch.tanh(self.read(x))
        ...         return h, h
        >>> check_cell(LeakyCell)
    """

    def fresh(dtype: torch.dtype) -> Cell:
        return as_cell(make(input_size, hidden_size)).to(dtype).eval()

    with torch.random.fork_rng(devices=[]), backend("loop"):
        torch.manual_seed(0)
        for dtype in (torch.float32, torch.float64):
            check_initial_state(fresh(dtype), dtype)
            check_step(fresh(dtype), dtype)
        check_no_drawing(fresh(torch.float64))
        check_deterministic(fresh(torch.float64))
        check_state_matters(fresh(torch.float64))
        check_gradients(fresh(torch.float64))
        check_save_and_load(fresh)
        check_one_by_one(fresh(torch.float64))
        check_padding(fresh(torch.float64))
        check_two_halves(fresh(torch.float64))
        check_reverse(fresh(torch.float64))
        check_resets(fresh(torch.float64))
        check_step_by_step(make, input_size, hidden_size)
        check_parallel(fresh(torch.float64))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        check_compiled(fresh(torch.float64))
