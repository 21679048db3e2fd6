"""Copy after a pause, and reverse: what was read has to be said, much later or backwards."""

from __future__ import annotations

from typing import ClassVar

import torch

from unroll.compare.problem import NO_TARGET, Problem, Sequences, integers

LETTERS = tuple("abcdefgh")


class Copying(Problem):
    """Three letters, a pause, a signal: then the letters again.

    Source: S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997, in the form of
    M. Arjovsky, A. Shah and Y. Bengio, Unitary evolution recurrent neural networks, 2016
    (https://arxiv.org/abs/1511.06464).
    """

    name = "copy"
    title = "Three letters, said again after a pause"
    symbols = (*LETTERS, "-", "?")
    distance = "steps of pause"
    trained: ClassVar[range] = range(21)
    tested = (0, 2, 5, 10, 15, 20)
    counts = "letters"
    steps = 2500

    def sequences(self, distance: int, count: int, generator: torch.Generator) -> Sequences:
        """`b a f - - - - ?` and then a pause for each letter to be said."""
        letters = integers(len(LETTERS), [3, count], generator)
        pause, signal = (torch.full([n, count], k) for n, k in ((distance, 8), (1, 9)))
        x = torch.cat([letters, pause, signal, torch.full([2, count], 8)])
        return answered(x, letters)

    def chance(self, distance: int) -> float:
        """One of the letters."""
        return 1 / len(LETTERS)


class Reversal(Problem):
    """Letters, a signal: then the letters backwards, so that the first is the last."""

    name = "reversal"
    title = "Letters, said again backwards"
    symbols = (*LETTERS, "-", "?")
    distance = "letters"
    trained: ClassVar[range] = range(1, 9)
    tested = (1, 2, 3, 4, 5, 6, 8, 10)
    counts = "letters"
    steps = 2500

    def sequences(self, distance: int, count: int, generator: torch.Generator) -> Sequences:
        """`b a f ?` and then a pause for each letter to be said: f a b."""
        letters = integers(len(LETTERS), [distance, count], generator)
        pause, signal = (torch.full([n, count], k) for n, k in ((distance - 1, 8), (1, 9)))
        return answered(torch.cat([letters, signal, pause]), letters.flip(0))

    def chance(self, distance: int) -> float:
        """One of the letters."""
        return 1 / len(LETTERS)


def answered(x: torch.Tensor, answer: torch.Tensor) -> Sequences:
    """Sequences whose last steps have to say the answer. x: [T, B]; answer: [N, B]."""
    targets = torch.full_like(x, NO_TARGET)
    targets[len(x) - len(answer) :] = answer
    return Sequences(x, targets, targets != NO_TARGET)
