"""What is computed in the lesson on hello."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

from unroll.learn.data import hello, texts
from unroll.learn.exercise import Code, Exercise, Number

PICTURE = "next"


def files() -> dict[str, str]:
    """The text."""
    return texts("hello.txt")


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    word = hello()
    followers: dict[str, Counter[str]] = {}
    for letter, following in pairs(word):
        followers.setdefault(letter, Counter())[following] += 1
    right = sum(counts.most_common(1)[0][1] for counts in followers.values())
    return [
        Number(math.log(len(set(word)))),
        Number(right / len(pairs(word)), within=0.001),
        Code("pairs", pairs, [("hello",), ("ab",), ("a",)]),
    ]


def pairs(text: str) -> list[tuple[str, str]]:
    """The letters that are read, with those to predict."""
    return list(pairwise(text))
