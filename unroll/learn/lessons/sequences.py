"""What is computed in the lesson on sequences and one cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unroll.learn.exercise import Code, Exercise, Number, OneOf


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    rng = np.random.default_rng(1)
    units, letters = 5, 4
    cases = []
    for hidden, inputs in ((2, 4), (3, 2)):
        sizes = ((hidden, inputs), (hidden, hidden), hidden, inputs, hidden)
        cases.append(tuple(rng.normal(size=size) for size in sizes))
    weights = cases[0]
    one_hot = np.eye(letters)
    forwards = last_state(weights[0], weights[1], weights[2], [one_hot[k] for k in (0, 1, 2, 2, 3)])
    backwards = last_state(
        weights[0], weights[1], weights[2], [one_hot[k] for k in (3, 2, 2, 1, 0)]
    )
    same = bool(np.allclose(forwards, backwards))
    return [
        Number(units * letters + units * units, within=0),
        OneOf(a=same, b=not same),
        Code("step", elman_step, cases),
    ]


def elman_step(
    W_ih: np.ndarray, W_hh: np.ndarray, b: np.ndarray, x: np.ndarray, h: np.ndarray
) -> np.ndarray:
    """One step of the simple cell: W_ih [H, I], W_hh [H, H], b [H], x [I], h [H] -> [H]."""
    new: np.ndarray = np.tanh(W_ih @ x + W_hh @ h + b)
    return new


def last_state(
    W_ih: np.ndarray, W_hh: np.ndarray, b: np.ndarray, inputs: list[np.ndarray]
) -> np.ndarray:
    """The state after all inputs, from zeros."""
    h = np.zeros(len(b))
    for x in inputs:
        h = elman_step(W_ih, W_hh, b, x, h)
    return h
