"""A cell that learns a problem: one-hot symbols or numbers, one recurrent layer, a linear read-out.

T time, B batch, V symbols, I input, H hidden.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from unroll.compare.problem import NO_TARGET, Problem, Sequences
from unroll.layers import Recurrent
from unroll.models.initialisation import initialise_layers
from unroll.settings import RecurrentSettings, settings_from
from unroll.training.run_cell import given_cell

BATCH, TEST = 32, 256  # sequences
CLIP = 1.0
RATE = 0.01


class Learner(nn.Module):
    """One recurrent layer and a linear read-out.

    Args:
        problem: says how wide inputs and outputs are.
        cell: name of the cell, or FILE.py:CLASS.
        hidden: H.
        init: as the setting `initialisation`, for LSTM, GRU and Elman cells.
        cell_options: further arguments of the cell.
    """

    def __init__(
        self,
        problem: Problem,
        cell: str,
        hidden: int,
        init: str = "torch",
        cell_options: object = None,
    ) -> None:
        super().__init__()
        values = {"cell": cell, "initialisation": init, "cell_options": cell_options or {}}
        make = given_cell(settings_from(RecurrentSettings, values)).make
        self.layer = Recurrent(make, problem.inputs, hidden)
        self.start = initialise_layers([self.layer], init)
        self.output = nn.Linear(self.layer.output_size, problem.outputs)
        self.symbols = len(problem.symbols)

    def forward(self, x: Tensor) -> Tensor:
        """Ids [T, B] -> logits [T, B, V]; numbers [T, B, I] -> the answer [B]."""
        if self.symbols:
            hidden, _ = self.layer(functional.one_hot(x, self.symbols).to(self.output.weight.dtype))
            return self.output(hidden)
        hidden, _ = self.layer(x)
        return self.output(hidden[-1])[:, 0]

    def loss(self, sequences: Sequences) -> Tensor:
        """The mean over what is to be predicted: nats of a symbol, or a squared error."""
        predicted = self(sequences.x)
        if not self.symbols:
            return functional.mse_loss(predicted, sequences.targets)
        return functional.cross_entropy(
            predicted.flatten(0, 1), sequences.targets.flatten(), ignore_index=NO_TARGET
        )


@dataclass(frozen=True)
class Learned:
    """What one seed of one cell came to.

    Attributes:
        accuracy: the share that is right, by distance.
        losses: of training, by step; the mean since the step before.
        steps: that were taken.
        seconds: that they took.
        parameters: how many weights.
        start: how they were initialised, in words.
        diverged: whether a loss was no longer finite, which ended the training.
    """

    accuracy: dict[int, float]
    losses: dict[int, float]
    steps: int
    seconds: float
    parameters: int
    start: str
    diverged: bool = False


def learn(
    problem: Problem,
    learner: Learner,
    seed: int,
    *,
    steps: int,
    seconds: float | None = None,
    rate: float = RATE,
    progress: Callable[[float], None] = lambda share: None,
) -> Learned:
    """Train with Adam, a cosine schedule and clipped gradients, then measure.

    All cells read the same sequences: they follow from the seed alone.

    Args:
        problem: what is learned.
        learner: with fresh weights.
        seed: of the sequences.
        steps: how many batches.
        seconds: how long at most. Default: as long as the steps take.
        rate: the highest learning rate.
        progress: called with the share that is done.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(learner.parameters(), lr=rate)
    begun, total, losses = time.perf_counter(), [], {}
    every, taken = max(1, steps // 50), 0
    while taken < steps:
        share = taken / steps
        if seconds is not None:
            share = max(share, (time.perf_counter() - begun) / seconds)
            if share >= 1 and taken:
                break
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 + math.cos(math.pi * min(1.0, share))) / 2
        choice = int(torch.randint(len(problem.trained), [1], generator=generator))
        loss = learner.loss(problem.sequences(problem.trained[choice], BATCH, generator))
        if not math.isfinite(float(loss.detach())):
            break
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learner.parameters(), CLIP)
        optimizer.step()
        total.append(float(loss.detach()))
        taken += 1
        if taken % every == 0:
            losses[taken] = sum(total) / len(total)
            total.clear()
            progress(max(share, taken / steps))
    took, diverged = time.perf_counter() - begun, not math.isfinite(float(loss.detach()))
    return Learned(
        accuracy=accuracy_of(problem, learner),
        losses=losses,
        steps=taken,
        seconds=took,
        parameters=sum(p.numel() for p in learner.parameters()),
        start=learner.start,
        diverged=diverged,
    )


@torch.no_grad()
def accuracy_of(problem: Problem, learner: Learner) -> dict[int, float]:
    """The share that is right at every distance, on fresh sequences that are the same for all cells."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for distance in problem.tested:
        sequences = problem.sequences(distance, TEST, generator)
        found[distance] = float(problem.right(learner(sequences.x), sequences).double().mean())
    return found
