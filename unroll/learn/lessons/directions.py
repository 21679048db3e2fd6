"""What is computed in the lesson on two directions and depth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from unroll.learn.data import texts
from unroll.learn.exercise import Code, Exercise, Number, OneOf

Step = Callable[[float, float], float]
UNITS, LAYERS, NAME, WORDS = 64, 3, 3, 7  # Teddy is the fourth of seven words


def files() -> dict[str, str]:
    """Sentences with Teddy, word by word with tags."""
    return texts("teddy.conll")


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    last = last_word_seen()
    return [
        Number(width_of_both(), within=0),
        OneOf(a=last == NAME, b=last == NAME + LAYERS, c=last == WORDS - 1 != NAME + LAYERS),
        Code(
            "both",
            both,
            [(leaking, adding, [1.0, 2.0, 3.0]), (adding, leaking, [0.5]), (leaking, leaking, [])],
        ),
    ]


def width_of_both() -> int:
    """What a layer of two directions puts out at a step."""
    import torch

    from unroll import Recurrent

    output, _ = Recurrent("rnn", 3, UNITS, bidirectional=True)(torch.zeros(10, 1, 3))
    return int(output.shape[2])


def last_word_seen() -> int:
    """The last word whose change changes the answer at the name, in layers of one direction."""
    import torch

    from unroll import Recurrent

    x = torch.zeros(WORDS, 1, 2, requires_grad=True)
    output, _ = Recurrent("rnn", 2, 4, num_layers=LAYERS)(x)
    (gradient,) = torch.autograd.grad(output[NAME].sum(), x)
    return int(gradient.abs().sum((1, 2)).nonzero().max())


def both(forward: Step, backward: Step, inputs: Sequence[float]) -> list[tuple[float, float]]:
    """The states of two directions, side by side."""
    after, before = states_of(forward, inputs), states_of(backward, inputs[::-1])[::-1]
    return list(zip(after, before, strict=True))


def states_of(step: Step, inputs: Sequence[float]) -> list[float]:
    """The state after each input, from zero."""
    found = [0.0]
    for x in inputs:
        found.append(step(x, found[-1]))
    return found[1:]


def leaking(x: float, h: float) -> float:
    """A step with a tanh."""
    return math.tanh(x + 0.5 * h)


def adding(x: float, h: float) -> float:
    """A step that adds up."""
    return x + h
