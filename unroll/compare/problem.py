"""What a problem is on which cells are compared: sequences of any number, made from a seed.

T time, B batch, V symbols, I input.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

NO_TARGET = -1


@dataclass(frozen=True)
class Sequences:
    """A batch of sequences of one length.

    Attributes:
        x: ids [T, B], or numbers [T, B, I].
        targets: ids [T, B], `NO_TARGET` where nothing is to be predicted; for numbers [B], to be
            predicted at the last step.
        scored: which predictions are measured, bool [T, B]; unused for numbers.
    """

    x: Tensor
    targets: Tensor
    scored: Tensor


class Problem(ABC):
    """Sequences that take memory, and how far apart what belongs together is in them.

    Attributes:
        name: of the command line.
        title: what has to be remembered, in words.
        symbols: V texts, by their number; empty for problems of numbers.
        distance: what the distance of a sequence is, for the axis of the figure.
        trained: the distances of training; batches have one of them each, uniformly.
        tested: the distances that are measured.
        counts: what is counted as right: "verbs", "letters".
        whole: whether a sequence counts only as a whole.
        steps: of training that suffice for a cell that can do it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    symbols: ClassVar[Sequence[str]] = ()
    distance: ClassVar[str]
    trained: ClassVar[Sequence[int]]
    tested: ClassVar[Sequence[int]]
    counts: ClassVar[str]
    whole: ClassVar[bool] = False
    steps: ClassVar[int] = 1500

    @property
    def inputs(self) -> int:
        """I: one-hot symbols."""
        return len(self.symbols)

    @property
    def outputs(self) -> int:
        """The width of a prediction."""
        return len(self.symbols)

    @abstractmethod
    def sequences(self, distance: int, count: int, generator: torch.Generator) -> Sequences:
        """So many sequences of one distance.

        Args:
            distance: one of `trained` or `tested`.
            count: B.
            generator: of random numbers; nothing else is random.
        """

    @abstractmethod
    def chance(self, distance: int) -> float:
        """The share that is right without any memory."""

    @property
    def predicts_what_follows(self) -> bool:
        """Whether each symbol that is to be predicted is the next input, which a cell from the end reads."""
        made = self.sequences(self.trained[0], 4, torch.Generator().manual_seed(1))
        if made.targets.dim() == 1:  # one number, after the last step
            return False
        told = made.targets[:-1] != NO_TARGET
        return bool(told.any()) and torch.equal(made.x[1:][told], made.targets[:-1][told])

    def right(self, predicted: Tensor, sequences: Sequences) -> Tensor:
        """Which predictions are right, bool, one for each that is measured.

        Args:
            predicted: logits [T, B, V], or numbers [B].
            sequences: what was to be predicted.
        """
        hit = predicted.argmax(-1) == sequences.targets
        if self.whole:
            return (hit | ~sequences.scored).all(0)
        return hit[sequences.scored]


def next_symbols(ids: Tensor, scored: Tensor) -> Sequences:
    """Sequences in which every next symbol is to be predicted.

    Args:
        ids: [T + 1, B].
        scored: which symbols are measured where they are the next, bool [T + 1, B].
    """
    return Sequences(ids[:-1], ids[1:], scored[1:])


def integers(high: int, size: Sequence[int], generator: torch.Generator) -> Tensor:
    """Whole numbers from 0 to high - 1."""
    return torch.randint(high, tuple(size), generator=generator)
