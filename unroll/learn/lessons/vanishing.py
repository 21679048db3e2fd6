"""What is computed in the lesson on vanishing and exploding gradients."""

from __future__ import annotations

import math
from pathlib import Path

from unroll.learn.exercise import Code, Exercise, Number, OneOf

BACK, MUCH = 50, 100.0  # steps, and how much a gradient has changed there if it does not last


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    left = share_left_of_rnn(gain=3.0)
    return [
        Number(math.log(0.5) / math.log(0.9), within=0.06),
        OneOf(a=left < 1 / MUCH, b=1 / MUCH <= left <= MUCH, c=left > MUCH),
        Code("flow", flow, [(0.5, [0.1, 0.2]), (1.5, [0.3, -0.4, 0.2, 0.1]), (-1.0, [0.0])]),
    ]


def share_left_of_rnn(gain: float, clip: float | None = None) -> float:
    """The share of the gradient that is left 50 steps back in a fresh simple cell."""
    from unroll.inspect import gradients_of_cells

    (found,) = gradients_of_cells(["rnn"], length=100, gain=gain, clip=clip).flows
    return found.remaining(BACK) or 0.0


def flow(w: float, inputs: list[float]) -> list[float]:
    """dh_T/dh_t for t = 1 ... T, of h_t = tanh(w h_{t-1} + x_t) from 0."""
    states = [0.0]
    for x in inputs:
        states.append(math.tanh(w * states[-1] + x))
    found = [1.0]
    for h in reversed(states[2:]):
        found.append(found[-1] * w * (1 - h**2))
    return found[::-1]
