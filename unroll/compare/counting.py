"""As many b as a: after the first b everything is determined, for a network that can count."""

from __future__ import annotations

from typing import ClassVar

import torch

from unroll.compare.problem import Problem, Sequences, next_symbols


class Counting(Problem):
    """a^n b^n and an end; a sequence is right where every b and the end after the first b are.

    Source: F. A. Gers and J. Schmidhuber, LSTM recurrent networks learn simple context-free and
    context-sensitive languages, 2001 (https://doi.org/10.1109/72.963769).
    """

    name = "counting"
    title = "As many b as a, then the end"
    symbols = ("a", "b", ".")
    distance = "n of a^n b^n (trained to 10)"
    trained: ClassVar[range] = range(1, 11)
    tested = (1, 2, 4, 6, 8, 10, 12, 15, 20)
    counts = "sequences"
    whole = True

    def sequences(self, distance: int, count: int, generator: torch.Generator) -> Sequences:
        """`. a a a b b b .`: all of one distance are alike."""
        word = [2, *[0] * distance, *[1] * distance, 2]
        rows = torch.tensor(word)[:, None].expand(-1, count).contiguous()
        scored = torch.zeros_like(rows, dtype=torch.bool)
        scored[distance + 2 :] = True
        return next_symbols(rows, scored)

    def chance(self, distance: int) -> float:
        """The most likely n, of ten."""
        return 0.1
