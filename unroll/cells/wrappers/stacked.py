"""A stack of cells that is one cell: its step runs them from the lowest to the highest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from unroll.cells.cell import Cell, Noise
from unroll.cells.state import State
from unroll.cells.torch_cell import as_cell
from unroll.cells.wrappers.wrapper import NoiseValues, noise_arguments, noise_of


class StackedCell(Cell):
    """Several cells as one: in each step every cell reads the output of the one below.

    When to use it: for a wrapper around a whole stack, skip connections, or layers of different
    kinds. Otherwise `unroll.Recurrent(cell, I, H, num_layers=L)` computes the same, faster: it
    multiplies the inputs of each layer for all steps at once.

    Equations for cells 1 to L, with y0 = x:

        yk, sk' = cell_k(y(k-1), sk)            output = yL
        yk, sk' = cell_k([x, y(k-1)], sk)       output = [y1, ..., yL]      with skip, for k > 1

    Source: A. Graves, Generating sequences with recurrent neural networks, 2013
    (https://arxiv.org/abs/1308.0850), section 2; with skip it is the paper's complete network:
    every layer reads x, and the output holds every layer's.

    Args:
        cells: from the lowest up; each an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell.
        skip: whether every cell above the lowest also reads x, and the outputs of all are the output.

    Attributes:
        cells: the cells; their parameters are cells.0.weight_ih and so on.
        input_size: I, the lowest cell's.
        hidden_size: the highest cell's.
        output_size: the highest cell's or, with skip, the sum of all.

    Shapes:
        - x: [B, I].
        - state: a tuple of the cells' states, lowest first.
        - noise: the drawn random numbers in training, where a cell declares some; else None.
        - returns: (output [B, output_size], the tuple of the new states).

    Raises:
        ValueError: there are no cells, or a cell's input_size is not the width that it is given.
        TypeError: a cell is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.StackedCell([unroll.LSTMCell(3, 8), unroll.GRUCell(8, 4)])
        >>> output, (lower, upper) = unroll.unroll(cell, torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(lower.c.shape), tuple(upper.shape)
        ((5, 2, 4), (2, 8), (2, 4))
    """

    def __init__(self, cells: Sequence[nn.Module], *, skip: bool = False) -> None:
        made = [as_cell(cell) for cell in cells]
        if not made:
            raise ValueError("StackedCell got no cells; expected at least one, the lowest first.")
        super().__init__(made[0].input_size, made[-1].hidden_size)
        for k, (below, cell) in enumerate(pairwise(made), start=1):
            given = below.output_size + (self.input_size if skip else 0)
            if cell.input_size != given:
                what = f"[x, the output of cell {k - 1}]" if skip else f"the output of cell {k - 1}"
                raise ValueError(
                    f"StackedCell got cell {k}, a {type(cells[k]).__name__}, with "
                    f"input_size={cell.input_size}; expected {given}, the width of {what}."
                )
        self.cells = nn.ModuleList(made)
        self.skip = skip
        self.output_size = sum(c.output_size for c in made) if skip else made[-1].output_size

    def layers(self) -> list[tuple[str, Cell]]:
        """The cells, the lowest first, each with the prefix of its noise."""
        cells: list[Cell] = list(self.cells)  # type: ignore[arg-type]
        return [(str(k), cell) for k, cell in enumerate(cells)]

    def forward(
        self, x: Tensor, state: tuple[State, ...], noise: NoiseValues = None
    ) -> tuple[Tensor, tuple[State, ...]]:
        """One step: x [B, I], a tuple of the cells' states [B, ...] -> output [B, O], their new states."""
        read, outputs, states = x, [], []
        for (name, cell), old in zip(self.layers(), state, strict=True):
            read, new = cell.step(read, old, *noise_arguments(name, cell, noise))
            outputs.append(read)
            states.append(new)
            if self.skip:
                read = torch.cat([x, read], -1)
        return torch.cat(outputs, -1) if self.skip else read, tuple(states)

    def initial_state(self, batch_size: int, **like: Any) -> tuple[State, ...]:
        return tuple(cell.initial_state(batch_size, **like) for _, cell in self.layers())

    def noise(self) -> dict[str, Noise]:
        return {k: v for name, cell in self.layers() for k, v in noise_of(name, cell).items()}

    def reset_parameters(self) -> None:
        """Draw the parameters of every cell again, as that cell does."""
        for _, cell in self.layers():
            cell.reset_parameters()
