"""What is computed in the lesson on what a unit stores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unroll.learn.data import as_lines, texts
from unroll.learn.exercise import Code, Exercise, Number, OneOf

LONGEST = 13  # words of a sentence: what is learned in a few hundred steps
PLURAL, SINGULAR = [0.9, 0.6, 0.4], [0.5, 0.1]


def files() -> dict[str, str]:
    """The shorter sentences of the corpus of agreement."""
    lines = texts("agreement.txt")["agreement.txt"].splitlines()
    return {"plural.txt": as_lines([line for line in lines if len(line.split()) <= LONGEST])}


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    low, high = [-0.9, -0.8, -0.7], [0.1, 0.2, 0.3]
    turned = 1 - auc(
        low, high
    )  # the AUC of a unit and of the same with its sign turned add up to 1
    tells = abs(auc([-x for x in low], [-x for x in high]) - turned) < 1e-9 and turned > 0.9
    return [
        Number(auc(PLURAL, SINGULAR), within=0.006),
        OneOf(a=not tells, b=tells, c=abs(turned - 0.5) < 0.1),
        Code("auc", auc, [(PLURAL, SINGULAR), ([1.0, 1.0], [1.0]), ([0.0], [0.5, -0.5, 0.0])]),
    ]


def auc(inside: Sequence[float], outside: Sequence[float]) -> float:
    """The share of pairs in which the one inside is higher; equal ones count half."""
    pairs = [(a > b) + 0.5 * (a == b) for a in inside for b in outside]
    return sum(pairs) / len(pairs)
