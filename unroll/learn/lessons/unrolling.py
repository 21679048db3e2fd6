"""What is computed in the lesson on unrolling."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unroll.learn.exercise import Code, Exercise, Number, OneOf
from unroll.learn.lessons.sequences import elman_step

PICTURE = "unrolled"
VOCABULARY, UNITS = 8000, 100


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    from unroll.inspect import walk_of_cell

    walk = walk_of_cell("rnn", "hello", notation="wildml")
    states = walk.values["h"].numpy()
    U, W, b = (walk.weights[name].numpy() for name in ("U", "W", "b"))
    # the same three matrices make the states of steps 2 and 4 from different letters and states
    same_weights = all(
        np.allclose(elman_step(U, W, b, walk.x[t].numpy(), states[t - 1]), states[t])
        for t in (1, 3)
    )
    other_inputs = not np.allclose(states[0], states[2])
    rng = np.random.default_rng(4)
    cases = [
        (
            rng.normal(size=(2, 1)),
            rng.normal(size=(2, 2)),
            rng.normal(size=2),
            rng.normal(size=(t, 1)),
        )
        for t in (1, 3)
    ]
    return [
        Number(2 * UNITS * VOCABULARY + UNITS * UNITS, within=0),
        OneOf(
            a=not same_weights and not other_inputs,
            b=same_weights and other_inputs,
            c=not same_weights and other_inputs,
        ),
        Code("run", states_of_all_steps, cases),
    ]


def states_of_all_steps(
    U: np.ndarray, W: np.ndarray, b: np.ndarray, inputs: np.ndarray
) -> list[np.ndarray]:
    """The states of a simple cell: U [H, I], W [H, H], b [H], inputs [T, I] -> T states [H]."""
    s, states = np.zeros(len(b)), []
    for x in inputs:
        s = elman_step(U, W, b, x, s)
        states.append(s)
    return states
