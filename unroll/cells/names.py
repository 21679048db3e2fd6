"""The cells by the names that `Recurrent("lstm", ...)` and `--cell lstm` take."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from unroll.cells.cell import Cell
from unroll.cells.elman import RNNCell
from unroll.cells.gru import GRUCell
from unroll.cells.lstm import LSTMCell

CELLS: dict[str, Callable[[int, int], Cell]] = {
    "rnn": RNNCell,
    "rnn_relu": partial(RNNCell, nonlinearity="relu"),
    "lstm": LSTMCell,
    "gru": GRUCell,
}


def named_cell(name: str) -> Callable[[int, int], Cell]:
    """The cell of this name, as a callable of `(input_size, hidden_size)`.

    Raises: ValueError for an unknown name, with the names there are.
    """
    if name not in CELLS:
        raise ValueError(f"There is no cell named {name!r}; the names are {', '.join(CELLS)}.")
    return CELLS[name]
