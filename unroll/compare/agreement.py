"""The cat, which already ate fish and rice, was full: the verb agrees with a subject far before it."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from unroll.compare.problem import NO_TARGET, Problem, Sequences, integers

NOUNS = ("cat", "dog", "girl", "boy", "king", "bird")
FOODS = ("fish", "rice", "bread", "soup", "fruit", "cheese")
FULL = ("full", "happy", "tired")
SYMBOLS = (
    ".", "the", *NOUNS, *(f"{noun}s" for noun in NOUNS), "which", "already", "ate", *FOODS, "and",
    "was", "were", *FULL,
)  # fmt: skip
NUMBER = {symbol: n for n, symbol in enumerate(SYMBOLS)}


class Agreement(Problem):
    """The verb is to be predicted; right is where the right one of was and were is the more likely.

    The words between subject and verb say nothing about its number, so a network that has lost the
    subject has to guess.

    Source: the example of Cho et al. 2014 as lectures tell it; T. Linzen, E. Dupoux and Y. Goldberg,
    Assessing the ability of LSTMs to learn syntax-sensitive dependencies, 2016
    (https://arxiv.org/abs/1611.01368).
    """

    name = "agreement"
    title = "Was or were, by the subject of the sentence"
    symbols = SYMBOLS
    distance = "words between the subject and its verb"
    trained: ClassVar[range] = range(25)
    tested = (0, 2, 4, 6, 9, 12, 16, 20, 24)
    counts = "verbs"
    steps = 1000

    def sequences(self, distance: int, count: int, generator: torch.Generator) -> Sequences:
        """`the cats which already ate fish and rice were full .`"""
        noun = integers(len(NOUNS), [count], generator)
        plural = integers(2, [count], generator)
        between = [self.word(word, count) for word in ("which", "already", "ate")]
        for k in range(distance - len(between)):
            food = NUMBER["fish"] + integers(len(FOODS), [count], generator)
            between.append(food if k % 2 == 0 else self.word("and", count))
        between = between[:distance]
        full = NUMBER["full"] + integers(len(FULL), [count], generator)
        verb = NUMBER["was"] + plural
        subject = NUMBER["cat"] + noun + len(NOUNS) * plural
        ids = [self.word(".", count), self.word("the", count), subject, *between, verb, full]
        rows = torch.stack([*ids, self.word(".", count)])
        scored = torch.zeros_like(rows, dtype=torch.bool)
        scored[3 + distance] = True
        targets = rows[1:].where(scored[1:], NO_TARGET)
        return Sequences(rows[:-1], targets, scored[1:])

    def word(self, word: str, count: int) -> Tensor:
        """One word in every sequence."""
        return torch.full([count], NUMBER[word])

    def chance(self, distance: int) -> float:
        """One of two."""
        return 0.5

    def right(self, predicted: Tensor, sequences: Sequences) -> Tensor:
        """Whether the right one of the two verbs is the more likely."""
        verbs = predicted[..., [NUMBER["was"], NUMBER["were"]]].argmax(-1) + NUMBER["was"]
        return (verbs == sequences.targets)[sequences.scored]
