"""Dropout of recurrent weights (Wan et al. 2013; Merity et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from unroll.cells.cell import Noise
from unroll.cells.state import State
from unroll.cells.wrappers.weights import find_weights, weight_at, with_weights
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper, checked_probability


class WeightDropCell(Wrapper):
    """Any cell, with dropout of its recurrent weights (DropConnect), once per call.

    When to use it: the AWD-LSTM's way against overfitting in language models: the paper's
    probability is 0.5 for Penn Treebank. The step itself does not change, so it costs nothing in
    the loop.

    Equations, with M of the weight's shape drawn once per call, and p the probability:

        M = 0 with probability p, else 1 / (1 - p)          M = 1 in eval mode
        W_hh   becomes   M * W_hh

    One mask is for all steps and all sequences of the batch, as in the authors' code. The parameter
    keeps its name, and is the weight before dropout.

    Source: S. Merity et al., Regularizing and optimizing LSTM language models, 2017
    (https://arxiv.org/abs/1708.02182); L. Wan et al., Regularization of neural networks using
    DropConnect, 2013 (https://proceedings.mlr.press/v28/wan13.html).

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell.
        dropout: p, 0 <= p < 1.
        weights: names of the parameters to drop. Each parameter of such a name, also in cells inside
            the cell, has a mask of its own.

    Shapes:
        - x: [B, I].
        - state: the inner cell's.
        - noise: the drawn random numbers in training, else None.
        - returns: (output, new state), as the inner cell has them.

    Raises:
        ValueError: dropout is outside 0 <= p < 1, or the cell has no parameter of such a name.
        TypeError: `cell` is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import torch, unroll
        >>> layer = unroll.Recurrent(lambda i, h: unroll.WeightDropCell(unroll.LSTMCell(i, h)), 3, 4)
        >>> tuple(layer(torch.randn(5, 2, 3))[0].shape)
        (5, 2, 4)
    """

    def __init__(
        self,
        cell: nn.Module,
        dropout: float = 0.5,
        *,
        weights: str | Sequence[str] = ("weight_hh",),
    ) -> None:
        super().__init__(cell)
        self.dropout = checked_probability("WeightDropCell", "dropout", dropout)
        names = [weights] if isinstance(weights, str) else weights
        self.shapes = {
            path: tuple(weight.shape)
            for name in names
            for path, weight in find_weights(self.cell, name, "WeightDropCell").items()
        }

    def noise(self) -> dict[str, Noise]:
        if self.dropout == 0:
            return super().noise()
        own = {
            f"mask.{path}": Noise(shape, each="once", keep=1 - self.dropout)
            for path, shape in self.shapes.items()
        }
        return super().noise() | own

    def forward(self, x: Tensor, state: State, noise: NoiseValues = None) -> tuple[Tensor, State]:
        """One step: x [B, I], the inner cell's state [B, ...] -> output [B, O], new state [B, ...]."""
        if noise is None or self.dropout == 0:
            return self.inner_step(x, state, noise)
        masks = {path: noise[f"mask.{path}"] / (1 - self.dropout) for path in self.shapes}
        dropped = {path: weight_at(self.cell, path) * mask for path, mask in masks.items()}
        return self.inner_step(x, state, noise, with_weights(self.cell, dropped))
