"""Dropout of what a cell writes into its memory (Semeniuta et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unroll.cells.cell import Cell, Noise, changing_taps, collecting_taps
from unroll.cells.state import State
from unroll.cells.wrappers.recurrent_dropout import Each, checked_each
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper, checked_probability, noise_arguments


class UpdateDropoutCell(Wrapper):
    """Any cell that taps its candidate, with dropout of what it writes into its memory.

    When to use it: against overfitting, where a memory must last: a dropped unit is not written to
    in this step, and loses nothing by it.

    Equations, with m drawn in each step or once per sequence, and p the probability:

        m = 0 with probability p, else 1 / (1 - p)          m = 1 in eval mode
        c' = f * c + i * (m * g)                            around an LSTM
        h' = (1 - z) * (m * n) + z * h                      around a GRU

    The mask multiplies the value that the cell names with `self.tap(candidate=...)`.

    Source: S. Semeniuta et al., Recurrent dropout without memory loss, 2016
    (https://arxiv.org/abs/1603.05118).

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own LSTMCell or GRUCell.
        dropout: p, 0 <= p < 1.
        each: "step" draws a new mask in each step, "call" one mask for the whole sequence.
        value: the name under which the cell taps the value to drop. Where several values of a step
            have it (a stack of cells), each has a mask of its own.

    Shapes:
        - x: [B, I].
        - state: the inner cell's.
        - noise: the drawn random numbers in training, else None.
        - returns: (output, new state), as the inner cell has them.

    Raises:
        ValueError: dropout is outside 0 <= p < 1, `each` is unknown, or the cell taps no such value.
        TypeError: `cell` is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import torch, unroll
        >>> layer = unroll.Recurrent(lambda i, h: unroll.UpdateDropoutCell(unroll.LSTMCell(i, h)), 3, 4)
        >>> tuple(layer(torch.randn(5, 2, 3))[0].shape)
        (5, 2, 4)
    """

    def __init__(
        self,
        cell: nn.Module,
        dropout: float = 0.2,
        *,
        each: Each = "step",
        value: str = "candidate",
    ) -> None:
        super().__init__(cell)
        self.dropout = checked_probability("UpdateDropoutCell", "dropout", dropout)
        self.each = checked_each("UpdateDropoutCell", each)
        self.value = value
        named = tapped_values(self.cell)
        self.shapes = [tuple(v.shape[1:]) for name, v in named if name == value]
        if not self.shapes:
            names = ", ".join(dict.fromkeys(name for name, _ in named)) or "none"
            raise ValueError(
                f"UpdateDropoutCell got {type(cell).__name__}, which names no value {value!r}; it "
                f"names: {names}. Name it in the cell with self.tap({value}=...), or give the name "
                "that it has as value=."
            )

    def noise(self) -> dict[str, Noise]:
        if self.dropout == 0:
            return super().noise()
        own = {
            f"mask.{k}": Noise(shape, each=self.each, keep=1 - self.dropout)
            for k, shape in enumerate(self.shapes)
        }
        return super().noise() | own

    def forward(self, x: Tensor, state: State, noise: NoiseValues = None) -> tuple[Tensor, State]:
        """One step: x [B, I], the inner cell's state [B, ...] -> output [B, O], new state [B, ...]."""
        if noise is None or self.dropout == 0:
            return self.inner_step(x, state, noise)
        masks = (noise[f"mask.{k}"] / (1 - self.dropout) for k in range(len(self.shapes)))

        def dropped(name: str, value: Tensor) -> Tensor:
            """A tapped value [B, ...], times the next mask [B, ...] where it has the name to drop."""
            return value * next(masks) if name == self.value else value

        with changing_taps(dropped):
            return self.inner_step(x, state, noise)


@torch.no_grad()
def tapped_values(cell: Cell) -> list[tuple[str, Tensor]]:
    """The values that a cell taps in a step, in order; the step runs once, on zeros."""
    like = next(cell.parameters(), torch.zeros(()))
    x = like.new_zeros(1, cell.input_size)
    named: list[tuple[str, Tensor]] = []
    start = cell.initial_state(1, dtype=like.dtype, device=like.device)
    with collecting_taps(lambda name, value: named.append((name, value))):
        cell.step(x, start, *noise_arguments("", cell, None))
    return named
