"""Teddy Roosevelt was a president, Teddy bears are on sale: words after a name decide what it is."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from unroll.compare.problem import NO_TARGET, Problem, Sequences, integers

BEFORE = ("he", "said", "that", "they", "read")
BETWEEN = ("old", "little", "great", "good")
AFTER = ("Roosevelt", "bears")
END = ("won", "came", "sat", "down", "today")
SYMBOLS = (".", "Teddy", *BEFORE, *BETWEEN, *AFTER, *END)
NUMBER = {symbol: n for n, symbol in enumerate(SYMBOLS)}


class PersonNames(Problem):
    """At the name it is to be told whether it is a person's; the word that decides comes later.

    A network that reads in one direction has not seen that word yet, so it has to guess. One that reads
    in both directions can know.

    Source: the example of A. Ng, Sequence models, 2018; reading in both directions: M. Schuster and K.
    Paliwal, Bidirectional recurrent neural networks, 1997 (https://doi.org/10.1109/78.650093).
    """

    name = "names"
    title = "Is Teddy a person: a word after the name decides"
    symbols = SYMBOLS
    distance = "words from the name to the word that decides"
    trained: ClassVar[range] = range(1, 9)
    tested = (1, 2, 3, 4, 6, 8)
    counts = "names"
    steps = 300

    @property
    def outputs(self) -> int:
        """A person, or none."""
        return 2

    def sequences(self, distance: int, count: int, generator: torch.Generator) -> Sequences:
        """`he said that Teddy great old bears sat down`, with 3 words from Teddy to bears."""
        rows = [self.some(BEFORE, count, generator) for _ in range(3)]
        rows.append(torch.full([count], NUMBER["Teddy"]))
        rows += [self.some(BETWEEN, count, generator) for _ in range(distance - 1)]
        person = integers(2, [count], generator)
        rows.append(torch.where(person == 1, NUMBER[AFTER[0]], NUMBER[AFTER[1]]))
        rows += [self.some(END, count, generator) for _ in range(2)]
        x = torch.stack(rows)
        scored = torch.zeros_like(x, dtype=torch.bool)
        scored[3] = True
        return Sequences(x, person.expand_as(x).where(scored, NO_TARGET), scored)

    def some(self, words: tuple[str, ...], count: int, generator: torch.Generator) -> Tensor:
        """One of these words in every sequence."""
        return NUMBER[words[0]] + integers(len(words), [count], generator)

    def chance(self, distance: int) -> float:
        """One of two."""
        return 0.5
