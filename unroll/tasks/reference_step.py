"""How long a training step of a usual language model takes on this machine, and the size that fits.

A network that is too large for its seconds reads too little, one that is too small learns too little of what
it reads. At equal time on tinyshakespeare, LSTMs of 128 and of 256 units are as good as each other after 25
seconds of a processor (1.69 nats), one of 384 is worse (1.76): there the best size is about 180. It grows with
the time to the power 0.45, between those of the parameters (twice) and of the tokens.
"""

from __future__ import annotations

import torch
from torch import nn

from unroll.engine.backends import backend as use_backend
from unroll.models.language import LanguageModel
from unroll.settings import RecurrentSettings
from unroll.training.budget import network_seconds
from unroll.training.sizes_for_seconds import (
    TIMING_PART,
    SizeCurve,
    fit_units,
    seconds_of_step,
)

REFERENCE = 256  # units of the network that is timed
STREAMS, BLOCK = 16, 64  # of its batch
TOKENS_IN_STEP = STREAMS * BLOCK
UNITS = SizeCurve(known_steps=600, known_units=180, growth=0.45, smallest=32, largest=1024)
TRAINING = 0.8  # of the seconds, that training gets
PARTS = 4  # of a step, of which one is timed
SHORTEST = 4.0  # seconds of a budget, below which nothing is timed
TIMING = 0.03  # of the seconds of training, that timing takes
USUAL_STEP = 0.04  # seconds of a step of the reference, where it is not timed


def step_cost(hidden: int, embedding: int, vocabulary: int) -> float:
    """Multiplications of a token, up to a factor: gates and softmax."""
    return 4.0 * hidden * (hidden + embedding) + hidden * vocabulary


def reference_cost(vocabulary: int, *, tie: bool) -> float:
    """`step_cost` of the network that is timed."""
    return step_cost(REFERENCE, timed_embedding(REFERENCE, tie), vocabulary)


def timed_embedding(units: int, tie: bool) -> int:
    """Numbers of a token in a network that is timed. tie: whether the softmax uses them too."""
    return units if tie else min(128, units)


def steps_and_units(
    settings: RecurrentSettings, vocabulary: int, tokens: int, *, tie: bool
) -> tuple[float, int]:
    """How many steps of a network of 256 units the seconds of training hold, and the units that fit them.

    Steps of the size that fits and of the next ones are timed too, where there is time for it.

    Args:
        settings: the budget, cell, backend and threads, and the units where they were given.
        vocabulary: V.
        tokens: of the data.
        tie: whether embedding and softmax are one.
    """
    whole = network_seconds(settings)
    seconds, most = TRAINING * whole, TIMING_PART * whole
    if whole < SHORTEST:
        steps = seconds / USUAL_STEP
        return steps, settings.hidden or UNITS.units(steps, tokens)
    step = step_seconds(settings, vocabulary, REFERENCE, TIMING * seconds, tie=tie)
    steps = seconds / step
    if settings.hidden is not None or 2 * step > most:
        return steps, settings.hidden or UNITS.units(steps, tokens)

    def measure(units: int) -> float:
        """Seconds of a step of so many units."""
        return step_seconds(settings, vocabulary, units, most / 4, tie=tie)

    return steps, fit_units(UNITS, seconds, step, tokens, measure, most)


def step_seconds(
    settings: RecurrentSettings, vocabulary: int, units: int, most: float, *, tie: bool = False
) -> float:
    """Seconds of a step of a network of so many units, by the faster of one thread and all.

    A quarter of such a step is timed. The random numbers and the threads of the caller stay as they are.

    Args:
        settings: cell, backend and threads.
        vocabulary: V.
        units: of its only layer.
        most: seconds that this may take, about.
        tie: whether embedding and softmax are one.
    """
    steps = BLOCK // PARTS
    with torch.random.fork_rng(devices=[]), use_backend(settings.backend):
        embedding = timed_embedding(units, tie)
        network = LanguageModel(vocabulary, embedding, units, cell=settings.cell, tie=tie)
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
        ids = torch.randint(vocabulary, (steps + 1, STREAMS))

        def step() -> None:
            """Loss, gradient and update."""
            optimizer.zero_grad()
            loss, _ = network.loss(ids[:-1], ids[1:])
            (loss / TOKENS_IN_STEP).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 0.25)
            optimizer.step()

        return PARTS * seconds_of_step(step, settings.threads, most)
