"""The one adapter that makes torch's own cells usable as cells."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from unroll.cells.cell import Cell
from unroll.cells.gru import GRUCell
from unroll.cells.lstm import LSTMCell, LSTMState
from unroll.cells.rnn import RNNCell
from unroll.cells.state import State


class TorchCell(Cell):
    """`torch.nn.RNNCell`, `LSTMCell` or `GRUCell` as a cell; the module itself is shared."""

    def __init__(self, cell: nn.RNNCellBase) -> None:
        super().__init__(cell.input_size, cell.hidden_size)
        self.cell = cell

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One step of torch's module: x [B, I], state h [B, H] -> output [B, H], new state [B, H].

        Around an LSTMCell the state is LSTMState(h [B, H], c [B, H]), before and after.
        """
        new = self.cell(x, state)
        return (new[0], LSTMState(*new)) if isinstance(new, tuple) else (new, new)

    def step(self, x: Tensor, state: State, *noise: Any) -> tuple[Tensor, State]:
        """Run the equations of our own cell with torch's parameters; a subclass runs its own forward.

        Args:
            x: the inputs [B, I].
            state: h [B, H]; around an LSTMCell, LSTMState(h [B, H], c [B, H]).
            noise: not used: torch's cells declare none.

        Returns:
            The output [B, H] and the new state, in the form of the old one.

        Raises:
            RuntimeError: around an RNNCell, where its nonlinearity is neither "tanh" nor "relu".
        """
        ours = EQUATIONS.get(type(self.cell))
        if ours is None:
            return self(x, state)
        view = ours.__new__(ours)
        view.__dict__ = self.cell.__dict__
        return view.step(x, state)

    def initial_state(self, batch_size: int, **like: Any) -> State:
        zeros = super().initial_state(batch_size, **like)
        return LSTMState(zeros, zeros) if isinstance(self.cell, nn.LSTMCell) else zeros


EQUATIONS: dict[type[nn.Module], type[Cell]] = {
    nn.RNNCell: RNNCell,
    nn.LSTMCell: LSTMCell,
    nn.GRUCell: GRUCell,
}


def as_cell(cell: nn.Module) -> Cell:
    """The module as a cell: itself, or torch's own cell behind the adapter.

    Raises:
        TypeError: the module is neither an unroll.Cell nor one of torch's cells.
    """
    if isinstance(cell, Cell):
        return cell
    if isinstance(cell, nn.RNNCell | nn.LSTMCell | nn.GRUCell):
        return TorchCell(cell)
    raise TypeError(
        f"Got {type(cell).__name__}; expected a cell: an unroll.Cell, or torch's "
        "RNNCell, LSTMCell or GRUCell. Subclass unroll.Cell and write forward(x, state) -> "
        "(output, state)."
    )
