"""Dilated recurrence: a step that continues from the state of several steps ago (Chang et al. 2017)."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from unroll.cells.state import State
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper


class DilatedState(NamedTuple):
    """The state of `DilatedCell`.

    Attributes:
        past: the inner cell's states after the last d steps, the oldest first.
    """

    past: tuple[State, ...]


class DilatedCell(Wrapper):
    """Any cell, whose step t continues from its state after step t - d instead of t - 1.

    When to use it: long sequences. The gradient from one step to a distant one passes d times fewer
    steps, and a stack whose dilations double from layer to layer (1, 2, 4, ...) sees every scale;
    the first layers learn the details.

    Equations, for a cell with output_t, s_t = cell(x_t, s_{t-1}):

        output_t, s_t = cell(x_t, s_{t-d})      s_0, s_{-1}, ..., s_{1-d} are initial states

    So the sequence is split into d interleaved ones that share their weights and do not interact in
    this layer. With d = 1 it is the cell itself. The state is d states of the cell, shifted by one
    in each step, which costs little beside the products up to a dilation of a few dozen.

    Source: S. Chang et al., Dilated recurrent neural networks, 2017
    (https://arxiv.org/abs/1710.02224).

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell.
        dilation: d, in steps, at least 1.

    Shapes:
        - x: [B, I].
        - state: DilatedState(past), past a tuple of d states of the cell.
        - returns: (output of the cell, DilatedState(past without its oldest, and the new state)).

    Raises:
        ValueError: dilation is below 1.
        TypeError: `cell` is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import torch, unroll
        >>> def dilated(dilation):
        ...     return lambda input_size, hidden_size: unroll.DilatedCell(
        ...         unroll.GRUCell(input_size, hidden_size), dilation
        ...     )
        >>> stack = [unroll.Recurrent(dilated(1), 3, 8), unroll.Recurrent(dilated(2), 8, 8)]
        >>> x = torch.randn(10, 2, 3)
        >>> for layer in stack:
        ...     x, state = layer(x)
        >>> tuple(x.shape), [tuple(h.shape) for h in state.past]
        ((10, 2, 8), [(1, 2, 8), (1, 2, 8)])
    """

    def __init__(self, cell: nn.Module, dilation: int) -> None:
        if dilation < 1:
            raise ValueError(
                f"DilatedCell got dilation={dilation}; expected at least 1, the number of steps "
                "from a state to the next state that depends on it."
            )
        super().__init__(cell)
        self.dilation = dilation

    def forward(
        self, x: Tensor, state: DilatedState, noise: NoiseValues = None
    ) -> tuple[Tensor, DilatedState]:
        """One step: x [B, I], state of d states of the cell [B, ...] -> output [B, O], new state."""
        oldest, *later = state.past
        output, new = self.inner_step(x, oldest, noise)
        return output, DilatedState((*later, new))

    def initial_state(self, batch_size: int, **like: Any) -> DilatedState:
        start = super().initial_state(batch_size, **like)
        return DilatedState((start,) * self.dilation)
