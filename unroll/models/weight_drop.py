"""Dropout of the recurrent weights of a layer (DropConnect), one mask for all steps of a call."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

RECURRENT = "weight_hh"  # the name of recurrent weights, in torch's cells and in others


def recurrent_weights(layer: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a layer that multiply its last state, by name."""
    return {
        name: weight
        for name, weight in layer.named_parameters()
        if name.rpartition(".")[2] == RECURRENT
    }


class WeightDrop(nn.Module):
    """Run a layer with some of its recurrent weights zero, in training.

    When to use it: against overfitting of a language model of words that reads its text often. The
    layer itself, the names of its weights and its backend stay as they are, where
    `unroll.WeightDropCell` is a cell of its own; the arithmetic is the same.

        W_hh   becomes   mask * W_hh / (1 - p),   mask of the shape of W_hh drawn once per call

    Source: S. Merity et al., Regularizing and optimizing LSTM language models, 2017
    (https://arxiv.org/abs/1708.02182).

    Args:
        p: probability of a zero, 0 <= p < 1.

    Raises:
        ValueError: p is outside 0 <= p < 1.

    Examples:
        >>> import torch, unroll
        >>> from unroll.models.weight_drop import WeightDrop
        >>> output, state = WeightDrop(0.5)(unroll.Recurrent("gru", 3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape)
        (5, 2, 4)
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"WeightDrop got p={p}; expected a probability, 0 <= p < 1.")
        self.p = p

    def forward(self, layer: nn.Module, *inputs: Any, **options: Any) -> Any:
        """What the layer returns for these inputs; with its own weights outside of training."""
        if not self.training or self.p == 0:
            return layer(*inputs, **options)
        weights = recurrent_weights(layer)
        dropped: dict[str, Tensor] = {
            name: torch.nn.functional.dropout(weight, self.p) for name, weight in weights.items()
        }
        return functional_call(layer, dropped, inputs, options)

    def extra_repr(self) -> str:
        return f"p={self.p}"
