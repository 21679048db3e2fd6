"""A cell that learns a problem: one-hot symbols or numbers, one recurrent layer, a linear read-out.

T time, B batch, V symbols, I input, H hidden.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from unroll.cells import map_state
from unroll.compare.problem import NO_TARGET, Problem, Sequences
from unroll.inspect.cell_gradients import scale_recurrent_weights
from unroll.layers import Recurrent
from unroll.models.initialisation import initialise_layers
from unroll.settings import RecurrentSettings, settings_from
from unroll.training.run_cell import given_cell

BATCH, TEST = 32, 256  # sequences
CLIP = 1.0
RATE = 0.01
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}


class Learner(nn.Module):
    """One recurrent layer and a linear read-out.

    Args:
        problem: says how wide inputs and outputs are.
        cell: name of the cell, or FILE.py:CLASS.
        hidden: H.
        init: as the setting `initialisation`, for LSTM, GRU and Elman cells.
        cell_options: further arguments of the cell.
        gain: a factor of the recurrent weights.
        truncate: the state counts as a constant every so many steps; None: nowhere.
        directions: 2 for a second cell that reads each sequence from its end.
    """

    def __init__(
        self,
        problem: Problem,
        cell: str,
        hidden: int,
        init: str = "torch",
        cell_options: object = None,
        gain: float = 1.0,
        truncate: int | None = None,
        directions: int = 1,
    ) -> None:
        super().__init__()
        values = {"cell": cell, "initialisation": init, "cell_options": cell_options or {}}
        make = given_cell(settings_from(RecurrentSettings, values)).make
        self.layer = Recurrent(make, problem.inputs, hidden, bidirectional=directions == 2)
        self.start = initialise_layers([self.layer], init)
        if gain != 1:
            for part in self.layer.cells:
                scale_recurrent_weights(cell, part, gain)  # type: ignore[arg-type]
            self.start += f", recurrent weights times {gain:g}"
        self.output = nn.Linear(self.layer.output_size, problem.outputs)
        self.symbols, self.truncate = len(problem.symbols), truncate

    def forward(self, x: Tensor) -> Tensor:
        """Ids [T, B] -> logits [T, B, V]; numbers [T, B, I] -> the answer [B]."""
        if self.symbols:
            hidden = self.hidden(functional.one_hot(x, self.symbols).to(self.output.weight.dtype))
            return self.output(hidden)
        return self.output(self.hidden(x)[-1])[:, 0]

    def hidden(self, x: Tensor) -> Tensor:
        """The outputs of the layer; no gradient crosses the borders of truncation. x: [T, B, I]."""
        if self.truncate is None:
            hidden: Tensor = self.layer(x)[0]
            return hidden
        parts, state = [], None
        for block in x.split(self.truncate):
            part, state = self.layer(block, state)
            state = map_state(torch.Tensor.detach, state)
            parts.append(part)
        return torch.cat(parts)

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
        gradient_norms: of all weights before clipping, by step; the largest since the step before.
    """

    accuracy: dict[int, float]
    losses: dict[int, float]
    steps: int
    seconds: float
    parameters: int
    start: str
    diverged: bool = False
    gradient_norms: dict[int, float] = field(default_factory=dict)


def learn(
    problem: Problem,
    learner: Learner,
    seed: int,
    *,
    steps: int,
    seconds: float | None = None,
    rate: float = RATE,
    clip: float | None = CLIP,
    optimizer: str = "adam",
    progress: Callable[[float], None] = lambda share: None,
) -> Learned:
    """Train with a cosine schedule, then measure.

    All cells read the same sequences: they follow from the seed alone.

    Args:
        problem: what is learned.
        learner: with fresh weights.
        seed: of the sequences.
        steps: how many batches.
        seconds: how long at most. Default: as long as the steps take.
        rate: the highest learning rate.
        clip: the norm to which the gradient of all weights is clipped. None: no clipping.
        optimizer: "adam", or "sgd", whose steps are as long as the gradient.
        progress: called with the share that is done.
    """
    generator = torch.Generator().manual_seed(seed)
    descent = OPTIMIZERS[optimizer](learner.parameters(), lr=rate)
    begun, total, losses = time.perf_counter(), [], {}
    largest, norms = 0.0, {}
    every, taken = max(1, steps // 50), 0
    while taken < steps:
        share = taken / steps
        if seconds is not None:
            share = max(share, (time.perf_counter() - begun) / seconds)
            if share >= 1 and taken:
                break
        for group in descent.param_groups:
            group["lr"] = rate * (1 + math.cos(math.pi * min(1.0, share))) / 2
        choice = int(torch.randint(len(problem.trained), [1], generator=generator))
        loss = learner.loss(problem.sequences(problem.trained[choice], BATCH, generator))
        if not math.isfinite(float(loss.detach())):
            break
        descent.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(learner.parameters(), math.inf if clip is None else clip)
        largest = max(largest, float(norm))
        descent.step()
        total.append(float(loss.detach()))
        taken += 1
        if taken % every == 0:
            losses[taken], norms[taken] = sum(total) / len(total), largest
            largest = 0.0
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
        gradient_norms=norms,
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
