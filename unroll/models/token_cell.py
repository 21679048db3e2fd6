"""The embedding and the recurrent stack of a language model as one cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from unroll.cells import Cell, State
from unroll.cells.wrappers.stacked import StackedCell


class TokenCell(Cell):
    """An embedding and the cells upon it as one cell, which reads the ids of tokens.

    When to use it: where the embedding must be part of the step, as in learning online, because its
    earlier outputs still act on the state.

        output, state' = cells(embedding[x], state)

    Args:
        embedding: [V, E].
        cells: from the lowest to the highest; their parameters are shared, not copied.

    Input:
        x: ids [B].
        state: a tuple with the state of each cell, the lowest first.

    Output:
        The output of the highest cell, and the tuple of new states.

    Examples:
        >>> import torch, unroll
        >>> from unroll.models.token_cell import TokenCell
        >>> cell = TokenCell(torch.nn.Embedding(10, 3), [unroll.GRUCell(3, 4)])
        >>> output, (state,) = cell.step(torch.tensor([7, 2]), cell.initial_state(2))
        >>> tuple(output.shape)
        (2, 4)
    """

    def __init__(self, embedding: nn.Module, cells: Sequence[nn.Module]) -> None:
        stack = StackedCell(cells)
        super().__init__(1, stack.hidden_size)
        self.embedding, self.stack = embedding, stack
        self.output_size = stack.output_size

    def forward(self, x: Tensor, state: State, *noise: Any) -> tuple[Tensor, State]:
        """One step: ids x [B], state of each cell -> output [B, output_size], new states."""
        return self.stack.step(self.embedding(x), state, *noise)

    def initial_state(self, batch_size: int, **like: Any) -> State:
        return self.stack.initial_state(batch_size, **like)

    def noise(self) -> dict[str, Any]:
        return self.stack.noise()
