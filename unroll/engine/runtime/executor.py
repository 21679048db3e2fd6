"""Who runs the stages of a recipe: `interpret.py` in eager PyTorch, or compiled kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from unroll.engine.compiler.program import Program
from unroll.engine.runtime.geometry import Times
from unroll.engine.runtime.recipe import Recipe

Multiply = Callable[..., Tensor]


@dataclass(frozen=True)
class Steps:
    """All steps of one program, which write into the given tensors.

    Attributes:
        recipe: what the program is part of.
        program: its stages.
        tensors: by their names, rows of the loop [rows, w].
        matrices: the matrices of the products.
        times: which rows each step touches.
        turning: names of the states that have room for two steps only, used in turn.
    """

    recipe: Recipe
    program: Program
    tensors: Mapping[str, Tensor]
    matrices: Sequence[Tensor]
    times: Times
    turning: frozenset[str]


class Executor(Protocol):
    """Runs steps.

    Attributes:
        product: x [N, K] @ matrix [K, n] + bias [n], by what is fastest here.
        over_rows: left.T @ right, [n, K] of [N, n] and [N, K], by what is fastest here.
    """

    product: Multiply
    over_rows: Multiply

    def prepare(self, steps: Steps, beside: int) -> Any:
        """Check the steps and make them ready. beside: how many are to run, with these."""

    def run(self, ready: Sequence[Any]) -> None:
        """Run what this class prepared: at once where that is faster, else one after the other."""
