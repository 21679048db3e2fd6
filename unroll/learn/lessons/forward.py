"""What is computed in the lesson on a forward pass."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from unroll.learn.exercise import Code, Exercise, Number

W_XH = [[0.5, -0.3, 0.8, 0.1], [-0.4, 0.9, 0.2, -0.6], [0.7, 0.1, -0.5, 0.4]]
W_HH = [[0.5, -0.2, 0.1], [0.3, 0.4, -0.1], [-0.2, 0.1, 0.6]]
FIGURE = {"h": 1.0, "e": 2.2, "l": -3.0, "o": 4.1}  # the scores of the figure, after "h"


def files() -> dict[str, str]:
    """The weights, by the names that the cell has for them."""
    weights = {"weight_ih": W_XH, "weight_hh": W_HH, "bias_ih": [0, 0, 0], "bias_hh": [0, 0, 0]}
    rows = ",\n".join(
        f" {json.dumps(name)}: {json.dumps(value)}" for name, value in weights.items()
    )
    return {"weights.json": f"{{\n{rows}\n}}\n"}


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    first = np.tanh(np.array(W_XH)[:, 0])
    before_tanh = W_XH[0][1] + float(np.array(W_HH)[0] @ first)
    probabilities = softmax(np.array(list(FIGURE.values())))
    scores = [[1.0, 2.2, -3.0, 4.1], [0.0, 0.0], [1000.0, 999.0, 0.0]]
    return [
        Number(before_tanh, within=0.001),
        Number(float(probabilities[list(FIGURE).index("e")]), within=0.006),
        Code("softmax", softmax, [(np.array(case),) for case in scores]),
    ]


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities from scores."""
    powers = np.exp(scores - scores.max())
    shares: np.ndarray = powers / powers.sum()
    return shares
