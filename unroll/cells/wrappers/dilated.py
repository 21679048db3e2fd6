"""Dilated recurrence: a step that goes on from the state of several steps ago (Chang et al. 2017)."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from unroll.cells.state import State
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper


class DilatedState(NamedTuple):
    """past: the inner cell's states after the last d steps, the oldest first."""

    past: tuple[State, ...]


class DilatedCell(Wrapper):
    """Any cell, whose step t goes on from its state after step t - d instead of t - 1.

    When to use it: long sequences. From one step to a distant one there are d times fewer steps for
    the gradient, and a stack whose dilations double from layer to layer (1, 2, 4, ...) sees
    everything at every scale; the first layers learn the details.

    Equations, for a cell with output_t, s_t = cell(x_t, s_{t-1}):

        output_t, s_t = cell(x_t, s_{t-d})      s_0, s_{-1}, ..., s_{1-d} are initial states

    So the sequence falls into d interleaved ones that share their weights and never meet in this
    layer. With d = 1 it is the cell itself. The state is d states of the cell, moved up by one at
    each step, which costs little next to the products up to a dilation of some dozens.

    Source: S. Chang et al., Dilated recurrent neural networks, 2017
    (https://arxiv.org/abs/1710.02224).

    Args:
        cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell; it is kept, not copied.
        dilation: d, in steps.

    Parameters: those of the cell, under `cell.`, drawn as the cell draws them.
    Input: x [B, I]; state DilatedState(past), past a tuple of d states of the cell.
    Output: (output of the cell, DilatedState(past without its oldest, and the cell's new state)).
    Raises: ValueError where the dilation is not at least 1; TypeError where `cell` is no cell.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.wrappers.dilated import DilatedCell
        >>> def dilated(dilation):
        ...     return lambda input_size, hidden_size: DilatedCell(
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
                "from one state to the next that is made of it."
            )
        super().__init__(cell)
        self.dilation = dilation

    def forward(
        self, x: Tensor, state: DilatedState, noise: NoiseValues = None
    ) -> tuple[Tensor, DilatedState]:
        oldest, *later = state.past
        output, new = self.inner_step(x, oldest, noise)
        return output, DilatedState((*later, new))

    def initial_state(self, batch_size: int, **like: Any) -> DilatedState:
        start = super().initial_state(batch_size, **like)
        return DilatedState((start,) * self.dilation)
