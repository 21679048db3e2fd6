"""The adding problem: two of many numbers are marked, and their sum is asked for at the end."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from unroll.compare.problem import Problem, Sequences

NEAR = 0.1  # an answer is right that is not further away


class Adding(Problem):
    """Numbers from 0 to 1, two of them marked: one in each half. An answer within 0.1 is right.

    Source: S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997, section 5.4
    (https://doi.org/10.1162/neco.1997.9.8.1735), as Q. V. Le et al., 2015 (https://arxiv.org/abs/1504.00941).
    """

    name = "adding"
    title = "The sum of the two numbers that were marked"
    distance = "numbers in a sequence"
    trained: ClassVar[range] = range(2, 51)
    tested = (2, 5, 10, 20, 30, 40, 50)
    counts = "sums"
    steps = 3000

    @property
    def inputs(self) -> int:
        """A number and its mark."""
        return 2

    @property
    def outputs(self) -> int:
        """The sum."""
        return 1

    def sequences(self, distance: int, count: int, generator: torch.Generator) -> Sequences:
        """x [T, B, 2] and the sums [B]."""
        numbers = torch.rand(distance, count, generator=generator)
        half = distance // 2
        first = torch.randint(half, [count], generator=generator)
        second = torch.randint(half, distance, [count], generator=generator)
        marks = torch.zeros(distance, count)
        each = torch.arange(count)
        marks[first, each] = 1
        marks[second, each] = 1
        x = torch.stack([numbers, marks], -1)
        return Sequences(x, (numbers * marks).sum(0), marks.bool())

    def chance(self, distance: int) -> float:
        """Of always saying 1: the share of sums from 0.9 to 1.1."""
        return 1 - (1 - NEAR) ** 2

    def right(self, predicted: Tensor, sequences: Sequences) -> Tensor:
        """Whether an answer is near enough."""
        return (predicted - sequences.targets).abs() <= NEAR
