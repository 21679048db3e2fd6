"""What is computed in the lesson on the LSTM step by step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unroll.learn.exercise import Code, Exercise, Number, OneOf

LETTERS, KEPT, STEPS = "aaaabbaab", 0.7, 10


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    rng = np.random.default_rng(1)
    cases = [tuple(rng.normal(size=n) for _ in range(5)) for n in (1, 3)]
    return [
        Number(counted(LETTERS), within=0.01),
        OneOf(a=keeps(1, 0), b=keeps(1, 1), c=keeps(0, 1), d=keeps(0, 0)),
        Code("lstm_step", lstm_step, cases),
    ]


def counted(letters: str) -> float:
    """The memory of the counter after these letters, by the cell itself."""
    from unroll.inspect import walk_of_cell

    walk = walk_of_cell("lstm", letters, weights="counter")
    return float(walk.as_dict()["steps"][-1]["c'"][0])


def keeps(f: float, i: float) -> bool:
    """Whether a memory is the same after ten steps with these gates, whatever is written."""
    rng = np.random.default_rng(2)
    c = np.array([KEPT])
    for _ in range(STEPS):
        _, c = lstm_step(np.array([f]), np.array([i]), rng.uniform(-1, 1, 1), np.ones(1), c)
    return bool(np.isclose(c[0], KEPT))


def lstm_step(
    f: np.ndarray, i: np.ndarray, g: np.ndarray, o: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The new output and memory: f, i, g, o, c [H] -> h [H], c [H]."""
    c = f * c + i * g
    return o * np.tanh(c), c
