"""The base of all cells that take a cell: the inner cell's sizes, initial state and noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from unroll.cells.cell import Cell, Noise
from unroll.cells.state import State
from unroll.cells.torch_cell import as_cell

NoiseValues = Mapping[str, Tensor] | None


class Wrapper(Cell):
    """A cell around a cell: a subclass changes the inputs or outputs, and passes on the rest.

    When to use it: subclass it for a wrapper of your own, call `inner_step` in its `forward`, and
    add its own noise to the inner cell's in `noise`.

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell.

    Attributes:
        cell: the inner cell; torch's own cells behind an adapter.
        input_size: I, the inner cell's.
        hidden_size: H, the inner cell's.
        output_size: O, the inner cell's.

    Raises:
        TypeError: `cell` is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import torch, unroll
        >>> class Doubled(unroll.Wrapper):
        ...     def forward(self, x, state, noise=None):
        ...         output, state = self.inner_step(x, state, noise)
        ...         return 2 * output, state
        >>> layer = unroll.Recurrent(lambda i, h: Doubled(unroll.GRUCell(i, h)), 3, 4)
        >>> tuple(layer(torch.randn(5, 2, 3))[0].shape)
        (5, 2, 4)
    """

    cell: Cell

    def __init__(self, cell: nn.Module) -> None:
        inner = as_cell(cell)
        super().__init__(inner.input_size, inner.hidden_size)
        self.output_size = inner.output_size
        self.cell = inner

    def initial_state(self, batch_size: int, **like: Any) -> State:
        return self.cell.initial_state(batch_size, **like)

    def noise(self) -> dict[str, Noise]:
        return noise_of("cell", self.cell)

    def reset_parameters(self) -> None:
        """Draw the parameters of the inner cell again, as that cell does, and the wrapper's own."""
        self.cell.reset_parameters()
        self.reset_own_parameters()

    def reset_own_parameters(self) -> None:
        """Draw the parameters that the wrapper adds; by default there are none."""

    def inner_step(
        self, x: Tensor, state: State, noise: NoiseValues, cell: Cell | None = None
    ) -> tuple[Tensor, State]:
        """One step of the inner cell.

        Args:
            x: the inputs [B, I].
            state: the inner cell's.
            noise: as `forward` was given it.
            cell: replaces the inner cell for this step.

        Returns:
            The inner cell's output [B, O] and new state."""
        return (cell or self.cell).step(x, state, *noise_arguments("cell", self.cell, noise))


def noise_of(name: str, cell: Cell) -> dict[str, Noise]:
    """The noise of an inner cell, each name with a prefix; empty where that cell alone is in eval mode."""
    if not cell.training:
        return {}
    return {f"{name}.{inner}": noise for inner, noise in cell.noise().items()}


def noise_arguments(
    name: str, cell: Cell, noise: NoiseValues
) -> tuple[()] | tuple[dict[str, Tensor] | None]:
    """The further arguments of an inner cell's step: none, or its noise by name (None in eval mode).

    Args:
        name: the prefix of the inner cell's names.
        cell: the inner cell.
        noise: the noise of the outer cell, or None.
    """
    declared = cell.noise()
    if not declared:
        return ()
    if noise is None or not cell.training:
        return (None,)
    return ({inner: noise[f"{name}.{inner}"] for inner in declared},)


def checked_probability(who: str, what: str, probability: float) -> float:
    """The probability of a dropout, checked.

    Args:
        who: the class, for the error.
        what: the argument, for the error.
        probability: p.

    Raises:
        ValueError: p is outside 0 <= p < 1."""
    if not 0 <= probability < 1:
        raise ValueError(
            f"{who} got {what}={probability}; expected a probability from 0 to below 1."
        )
    return probability
