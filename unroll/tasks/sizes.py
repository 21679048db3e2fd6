"""Sizes of a recurrent stack, before it is built."""

from __future__ import annotations

from unroll.models.initialisation import initialise
from unroll.settings import RecurrentSettings
from unroll.tasks.base import MakeCell


def stack_output_size(
    make_cell: MakeCell,
    input_size: int,
    hidden_size: int,
    settings: RecurrentSettings,
    directions: int = 1,
) -> int:
    """The output size of a stack of layers.

    When to use it: in `resolve_sizes` of a task. One cell for each layer is made and initialised, so
    that sizes that it cannot have are refused before data is read.

    Args:
        make_cell: makes a cell of a layer.
        input_size: of the first layer.
        hidden_size: of every layer, in each direction.
        settings: the number of layers and the initialisation.
        directions: 2 where the layers read in both directions. Default: 1.

    Returns:
        The output size of the last layer.

    Raises:
        UserError: for sizes that the cell or the initialisation cannot have.

    Examples:
        >>> from unroll.cells import GRUCell
        >>> from unroll.settings import RecurrentSettings
        >>> from unroll.tasks.sizes import stack_output_size
        >>> stack_output_size(GRUCell, 3, 8, RecurrentSettings(layers=2))
        8
    """
    width = input_size
    for _ in range(settings.layers):
        cell = make_cell(width, hidden_size)
        initialise(cell, settings.initialisation)
        width = cell.output_size * directions
    return width
