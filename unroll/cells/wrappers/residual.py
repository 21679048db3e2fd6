"""A step past the cell: the input added to the output (He et al. 2015; Wu et al. 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from unroll.cells.state import State
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper


class ResidualCell(Wrapper):
    """Any cell, with its input added to its output.

    When to use it: in stacks of more than four layers or so (Wu et al. found six hardly, eight not
    to train without it): what the layer below says reaches the layer above, and the gradient comes
    back, unchanged.

    Equations, with y and s' the inner cell's output and new state:

        y, s' = cell(x, s)
        output = y + x

    What the cell feeds back to itself is its own state; x is added only to what is shown. It has
    no weights of its own, so the widths of x and y must be equal. They are not from the second
    layer on where layers run in two directions; `HighwayCell` projects.

    Source: K. He et al., Deep residual learning for image recognition, 2015
    (https://arxiv.org/abs/1512.03385); between recurrent layers: Y. Wu et al., Google's neural
    machine translation system, 2016 (https://arxiv.org/abs/1609.08144), section 3.1.

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own, with input_size = output_size.

    Parameters: the inner cell's.
    Input: x [B, I]; the inner cell's state.
    Output: (output [B, I], the inner cell's new state).
    Raises: ValueError where the widths of input and output differ; TypeError for what is no cell.

    Example:
        >>> import unroll
        >>> from unroll.cells.wrappers.residual import ResidualCell
        >>> layer = unroll.Recurrent(lambda i, h: ResidualCell(unroll.LSTMCell(i, h)), 4, 4, 6)
        >>> layer.output_size
        4
    """

    def __init__(self, cell: nn.Module) -> None:
        super().__init__(cell)
        if self.input_size != self.output_size:
            raise ValueError(
                f"ResidualCell got {type(cell).__name__} with input_size={self.input_size} and "
                f"output_size={self.output_size}; expected equal widths, because it adds the input "
                "to the output. Give the layer inputs of that width, leave this layer out of the "
                "residual ones, or take HighwayCell, which projects."
            )

    def forward(self, x: Tensor, state: State, noise: NoiseValues = None) -> tuple[Tensor, State]:
        output, state = self.inner_step(x, state, noise)
        return output + x, state
