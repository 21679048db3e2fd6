"""The average of the weights of the last steps, which is often better than the last weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of a model's parameters.

    When to use it: where steps are noisy (little data, high learning rates): the mean of weights
    lies nearer to the middle of what fits than any one of them.

        a_n = d a_{n-1} + (1 - d) w_n,   d = min(decay, n / (n + 9))

    so that the start, which is far from everything, is forgotten soon. Buffers are left alone.

    Source: B. Polyak and A. Juditsky, Acceleration of stochastic approximation by averaging, 1992
    (https://doi.org/10.1137/0330046).

    Args:
        model: whose parameters are averaged.
        decay: d, 0 to 1; about 1 / (1 - d) steps count.

    Attributes:
        parameters: those of the model.
        tensors: their averages, in the same order.

    Examples:
        >>> import torch
        >>> from unroll.training.average import Average
        >>> model = torch.nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.ones_(model.weight)
        >>> average = Average(model, 0.9)
        >>> _ = torch.nn.init.constant_(model.weight, 11.0)
        >>> average.update(1)  # the tenth part of 1, and nine of 11
        >>> with average.in_place():
        ...     model.weight.item()
        10.0
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.parameters, self.decay = list(model.parameters()), decay
        self.tensors = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number `step`, from 1."""
        kept = min(self.decay, step / (step + 9))
        for mean, p in zip(self.tensors, self.parameters, strict=True):
            mean.lerp_(p, 1 - kept)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """A block in which the model has the average as its weights."""
        own = [p.detach().clone() for p in self.parameters]
        self._copy(self.tensors)
        try:
            yield
        finally:
            self._copy(own)

    @torch.no_grad()
    def load(self, tensors: list[Tensor]) -> None:
        """Take the average that a checkpoint kept.

        Args:
            tensors: one per parameter, in the order and of the shapes `[...]` of `parameters`.
        """
        for mean, tensor in zip(self.tensors, tensors, strict=True):
            mean.copy_(tensor)

    @torch.no_grad()
    def _copy(self, tensors: list[Tensor]) -> None:
        """Copy tensors into the parameters of the model."""
        for p, tensor in zip(self.parameters, tensors, strict=True):
            p.copy_(tensor)
