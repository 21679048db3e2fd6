"""What a reservoir holds of its inputs: it is not trained through time, so no gradient says it.

A reservoir must forget what it started from (the echo state property: two states that read the same
inputs become one) and remember what it read a while ago. How much of that a linear read-out can use is
its memory capacity:

    MC = sum over k of R^2(k),   R^2(k) of the best linear read-out of u(t - k) from the state at t

u is white noise. MC is at most the number of units.

Source: H. Jaeger, Short term memory in echo state networks, 2001 (GMD report 152).

T time, H units, K delays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unroll.cells import Cell
from unroll.engine import unroll

WASH_OUT, TRAINED, TESTED = 100, 1000, 1000  # steps
MOST_DELAYS = 200
RIDGE = 1e-8


@dataclass(frozen=True)
class ReservoirMemory:
    """What a reservoir holds of its inputs.

    Attributes:
        radius: the largest |eigenvalue| of its recurrent weights; None where it has no weight_hh.
        recalled: R^2 of an input k + 1 steps ago on unseen steps, [K].
        units: H of the state that a read-out sees.
    """

    radius: float | None
    recalled: list[float]
    units: int

    @property
    def capacity(self) -> float:
        """The memory capacity, in inputs."""
        return sum(self.recalled)

    def in_words(self, name: str, exponent: float) -> str:
        """What it holds, in sentences.

        Args:
            name: of the cell or layer.
            exponent: the largest Lyapunov exponent along the inputs at hand, nats per step.
        """
        said = f"{name} is a reservoir: its recurrent weights are not trained, so no gradient is needed."
        if self.radius is not None:
            said += f" Its spectral radius is {self.radius:.2f}."
        if exponent < 0:
            fades = (
                "at once"
                if math.isinf(exponent)
                else f"halves every {math.log(2) / -exponent:.3g} steps"
            )
            said += f" What it started from fades with these inputs: its trace {fades} (echo state property)."
        else:
            said += " What it started from does not fade with these inputs: it has no echo state property."
        return said + (
            f" A linear read-out can recall {self.capacity:.1f} of the last inputs (memory capacity; at most "
            f"{self.units})."
        )


def is_reservoir(cell: Cell) -> bool:
    """Whether nothing in a cell is trained although it has weights."""
    has_weights = any(b.dim() == 2 for _, b in cell.named_buffers())
    return has_weights and not any(p.requires_grad for p in cell.parameters())


@torch.no_grad()
def reservoir_memory(cell: Cell, seed: int = 1) -> ReservoirMemory:
    """Measure what a reservoir recalls of one white-noise input that all its inputs share.

    Args:
        cell: in float64 and eval mode.
        seed: of the input.
    """
    steps = WASH_OUT + TRAINED + TESTED
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(steps, generator=generator, dtype=torch.float64) * 2 - 1
    x = (u / cell.input_size**0.5)[:, None, None].expand(-1, 1, cell.input_size)
    states = unroll(cell, x, backend="loop")[0][:, 0]
    delays = min(MOST_DELAYS, 2 * states.shape[1], WASH_OUT)
    seen = torch.cat([states, torch.ones(steps, 1, dtype=u.dtype)], 1)[WASH_OUT:]
    past = torch.stack([u[WASH_OUT - k : steps - k] for k in range(1, delays + 1)], 1)
    recalled = held_out_r2(seen[:TRAINED], past[:TRAINED], seen[TRAINED:], past[TRAINED:])
    radii = [
        float(torch.linalg.eigvals(w).abs().max())
        for name, w in cell.named_buffers()
        if name.endswith("weight_hh") and w.dim() == 2 and w.shape[0] == w.shape[1]
    ]
    return ReservoirMemory(
        max(radii, default=None), recalled.clamp(min=0).tolist(), int(states.shape[1])
    )


def held_out_r2(x: Tensor, y: Tensor, new_x: Tensor, new_y: Tensor) -> Tensor:
    """R^2 of a ridge regression on unseen rows, for each column of y.

    Args:
        x: [T, H].
        y: [T, K].
        new_x: unseen, [N, H].
        new_y: unseen, [N, K].
    """
    penalty = RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    weights = torch.linalg.solve(x.T @ x + penalty, x.T @ y)
    rest = (new_y - new_x @ weights).square().mean(0)
    return 1 - rest / new_y.var(0, unbiased=False)
