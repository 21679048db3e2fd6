"""What is computed in the lesson on backpropagation through time."""

from __future__ import annotations

import math
from pathlib import Path

from unroll.learn.exercise import Code, Exercise, Number

STEP, KEPT = 4, 2  # of the loss, and the steps that truncation keeps


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    from unroll.inspect import summands_of_cell

    layer = summands_of_cell("rnn", "hello", at=STEP).layers[0]
    linear = summands_of_linear(0.5, [1.0] * 4)
    cases = [(0.5, [0.3, 0.1]), (1.5, [0.3, -0.4, 0.2, 0.1]), (-1.0, [0.5])]
    return [
        Number(linear[2], within=0.006),
        Number(layer.left_out[STEP - KEPT], within=0.006),
        Code("summands", summands, cases),
    ]


def summands_of_linear(w: float, inputs: list[float]) -> list[float]:
    """The summands of ds_T/dw, for s_t = w s_{t-1} + x_t from 0."""
    states = [0.0]
    for x in inputs:
        states.append(w * states[-1] + x)
    steps = len(inputs)
    return [w ** (steps - k) * states[k - 1] for k in range(1, steps + 1)]


def summands(w: float, inputs: list[float]) -> list[float]:
    """The summands of ds_T/dw, for s_t = tanh(w s_{t-1} + x_t) from 0."""
    states = [0.0]
    for x in inputs:
        states.append(math.tanh(w * states[-1] + x))
    arriving, found = 1.0, []
    for k in range(len(inputs), 0, -1):
        slope = 1 - states[k] ** 2
        found.append(arriving * slope * states[k - 1])
        arriving *= slope * w
    return found[::-1]
