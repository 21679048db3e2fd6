"""What is computed in the lesson on the GRU and the variants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from unroll.learn.exercise import Code, Exercise, Number, OneOf

INPUTS, UNITS = 100, 200


def exercises(folder: Path) -> list[Exercise]:
    """The right answers."""
    rng = np.random.default_rng(1)
    cases = [
        (
            rng.normal(size=(3, h, i)),
            rng.normal(size=(3, h, h)),
            rng.normal(size=i),
            rng.normal(size=h),
        )
        for h, i in ((2, 3), (4, 1))
    ]
    kept = after_update_gate_of_one(0.4)
    return [
        Number(weights_of_gru(INPUTS, UNITS), within=0),
        OneOf(a=abs(kept) < 0.01, b=abs(kept - 0.4) < 0.01, c=kept > 2),
        Code("gru_step", gru_step, cases),
    ]


def weights_of_gru(inputs: int, units: int) -> int:
    """The numbers in the matrices of the cell."""
    from unroll import GRUCell

    return sum(p.numel() for p in GRUCell(inputs, units).parameters() if p.dim() == 2)


def after_update_gate_of_one(h: float, steps: int = 5) -> float:
    """The state of one unit after some steps with z = 1, by the cell itself."""
    import torch

    from unroll import GRUCell, unroll

    cell = GRUCell(1, 1).double()
    with torch.no_grad():
        cell.bias_ih[1] = 1000.0
        x, start = torch.zeros(steps, 1, 1).double(), torch.full((1, 1), h).double()
        _, last = unroll(cell, x, start, backend="loop")
    return float(last)


def gru_step(W: Any, U: Any, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """The new state of a GRU without biases: W [3, H, I], U [3, H, H], x [I], h [H] -> [H]."""
    r, z = (1 / (1 + np.exp(-(W[k] @ x + U[k] @ h))) for k in (0, 1))
    n = np.tanh(W[2] @ x + r * (U[2] @ h))
    new: np.ndarray = (1 - z) * n + z * h
    return new
