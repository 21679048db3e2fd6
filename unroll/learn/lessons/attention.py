"""What is computed in the lesson on attention."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from unroll.learn.exercise import Code, Exercise, Number, OneOf

LETTERS, PAIRS, SHORTEST, LONGEST, SEED = "abcdefgh", 3000, 3, 7, 13
SCORES = (2.0, 1.0, 0.0)


def files() -> dict[str, str]:
    """Lines of letters and the same letters backwards."""
    rng = random.Random(SEED)
    pairs: dict[str, str] = {}
    while len(pairs) < PAIRS:
        letters = [rng.choice(LETTERS) for _ in range(rng.randint(SHORTEST, LONGEST))]
        pairs[" ".join(letters)] = " ".join(reversed(letters))
    rows = [f"{source}\t{target}\n" for source, target in pairs.items()]
    return {"reversed.tsv": "source\ttarget\n" + "".join(rows)}


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    rng = np.random.default_rng(1)
    cases = [(rng.normal(size=n), rng.normal(size=(steps, n))) for n, steps in ((2, 3), (4, 1))]
    looks = columns_of_a_copy("abcdef")
    count = len(looks)
    return [
        Number(float(shares(np.array(SCORES))[0]), within=0.006),
        OneOf(
            a=looks == list(range(count))[::-1],
            b=looks == list(range(count)),
            c=looks == [0] * count,
        ),
        Code("attend", attend, cases),
    ]


def columns_of_a_copy(letters: str) -> list[int]:
    """Where each letter of a copy looks: the column of the largest share, one-hot letters."""
    encoded = 10 * np.eye(len(letters))
    return [int(shares(encoded @ np.eye(len(letters))[k]).argmax()) for k in range(len(letters))]


def shares(scores: np.ndarray) -> np.ndarray:
    """Numbers that add up to one, larger for larger scores [n] -> [n]."""
    raised: np.ndarray = np.exp(scores - scores.max())
    return raised / raised.sum()


def attend(state: np.ndarray, encoded: np.ndarray) -> np.ndarray:
    """What the decoder reads of the source: state [H], encoded [T, H] -> [H]."""
    return shares(encoded @ state) @ encoded
