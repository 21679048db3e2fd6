"""A connection past the cell: the input added to the output (He et al. 2015; Wu et al. 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from unroll.cells.state import State
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper


class ResidualCell(Wrapper):
    """Any cell, with its input added to its output.

    When to use it: in stacks of more than about four layers (Wu et al. found that six hardly train
    without it, and eight not at all): the output of the layer below reaches the layer above, and
    the gradient comes back, unchanged.

    Equations, with y and s' the inner cell's output and new state:

        y, s' = cell(x, s)
        output = y + x

    The cell's own state is fed back; x is added only to the output. The wrapper has no weights, so
    the widths of x and y must be equal. From the second layer on they are not, where layers run in
    two directions; `HighwayCell` projects.

    Source: K. He et al., Deep residual learning for image recognition, 2015
    (https://arxiv.org/abs/1512.03385); between recurrent layers: Y. Wu et al., Google's neural
    machine translation system, 2016 (https://arxiv.org/abs/1609.08144), section 3.1.

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own, with input_size = output_size.

    Shapes:
        - x: [B, I].
        - state: the inner cell's.
        - returns: (output [B, I], the inner cell's new state).

    Raises:
        ValueError: the widths of input and output differ.
        TypeError: `cell` is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import unroll
        >>> layer = unroll.Recurrent(lambda i, h: unroll.ResidualCell(unroll.LSTMCell(i, h)), 4, 4, 6)
        >>> layer.output_size
        4
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__(cell)
        if self.input_size != self.output_size:
            raise ValueError(
                f"ResidualCell got {type(cell).__name__} with input_size={self.input_size} and "
                f"output_size={self.output_size}; expected equal widths, because it adds the input "
                "to the output. Give the layer inputs of that width, use this layer without "
                "ResidualCell, or take HighwayCell, which projects."
            )

    def forward(self, x: Tensor, state: State, noise: NoiseValues = None) -> tuple[Tensor, State]:
        """One step: x [B, I], the inner cell's state [B, ...] -> output [B, I], new state [B, ...]."""
        output, state = self.inner_step(x, state, noise)
        return output + x, state
