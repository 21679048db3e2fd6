"""Dropout and learning rate of a classifier of texts that fit how often its budget reads them.

A rate and a dropout that are best after minutes learn nothing in seconds: on 77 intents (9,003 texts for
training), after 400 steps of 32 texts, the network alone is right for 39 % of the validation set at a rate of
0.002 and dropout 0.5, and for 84 % at 0.006 and 0.1; with the linear model the loss is 0.318 and 0.303. On
reviews it is right for 68 % and 76 %, with the linear model for 79.8 % and 80.7 %.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from unroll.engine.backends import backend as use_backend
from unroll.tasks.classify.labelled import LabelledSequences, make_batch
from unroll.tasks.classify.network import Classifier
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor
from unroll.tasks.classify.reader import ClassifyData
from unroll.tasks.classify.settings import BATCH_SIZE, DROPOUT, LEARNING_RATES, ClassifySettings
from unroll.training.budget import network_seconds
from unroll.training.sizes_for_seconds import may_choose_size, seconds_of_step

TRAINING = 0.7  # of the seconds, that training gets
TIMING = 0.02  # of the seconds, that timing takes
SHORTEST, USUAL_STEP = 4.0, 0.02  # seconds of a budget, below which a step is not timed but this
# of texts that are read once, and so often that the usual values are best
HIGHEST_RATE, LOWEST_DROPOUT, OFTEN = 6e-3, 0.1, 64


def fits_budget(settings: ClassifySettings, preprocessor: ClassifyPreprocessor) -> bool:
    """Whether dropout and rate follow from seconds: of a usual network of texts on a CPU."""
    return (
        may_choose_size(settings)
        and preprocessor.scaler is None
        and settings.optimizer == "adamw"
        and settings.readout == "gradient"
    )


def fit_to_budget(settings: ClassifySettings, data: ClassifyData) -> ClassifySettings:
    """Give dropout and rate that were left open the values for this budget.

    Args:
        settings: for which `fits_budget` holds.
        data: whose training set is read.
    """
    if settings.dropout is not None and settings.learning_rate is not None:
        return settings
    epochs = epochs_of_budget(settings, data)
    dropout = best_dropout(epochs) if settings.dropout is None else settings.dropout
    rate = settings.learning_rate or best_rate(epochs)
    return settings.model_copy(update={"dropout": dropout, "learning_rate": rate})


def best_dropout(epochs: float) -> float:
    """Dropout for texts that are read so many times: grows with each doubling."""
    return round(LOWEST_DROPOUT + doublings(epochs) * (DROPOUT - LOWEST_DROPOUT), 2)


def best_rate(epochs: float) -> float:
    """The highest learning rate of AdamW for texts that are read so many times: falls with each."""
    rate = HIGHEST_RATE + doublings(epochs) * (LEARNING_RATES["adamw"] - HIGHEST_RATE)
    return float(f"{rate:.2g}")


def doublings(epochs: float) -> float:
    """How far from one epoch to `OFTEN` on a scale of logarithms, 0 to 1."""
    return math.log(min(max(1.0, epochs), OFTEN)) / math.log(OFTEN)


def epochs_of_budget(settings: ClassifySettings, data: ClassifyData) -> float:
    """How many times the seconds of a run read the training set, by the time of a step."""
    seconds, step = network_seconds(settings), USUAL_STEP
    if seconds >= SHORTEST:
        step = reference_seconds(settings, data, TIMING * seconds)
    steps = TRAINING * seconds / step
    return steps * (settings.batch_size or BATCH_SIZE) / max(1, len(data.train))


def reference_seconds(settings: ClassifySettings, data: ClassifyData, most: float) -> float:
    """Seconds of a training step, by the faster of one thread and all.

    The random numbers and the threads of the caller stay as they are.

    Args:
        settings: of the network; every size has its value.
        data: whose training set is read.
        most: seconds that this may take, about.
    """
    preprocessor, size = data.preprocessor, settings.batch_size or BATCH_SIZE
    batch = make_batch(data.train, usual_rows(data.train, size))
    with torch.random.fork_rng(devices=[]), use_backend(settings.backend):
        network = Classifier(
            preprocessor.inputs, len(preprocessor.classes), settings.hidden or 1, settings.layers,
            embedding_size=settings.embedding, cell=settings.cell,
            bidirectional=settings.bidirectional, pooling=settings.pooling,
            multi_label=preprocessor.multi_label,
        )  # fmt: skip
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)

        def step() -> None:
            """Loss, gradient and update."""
            optimizer.zero_grad()
            loss = network.loss(batch.x, batch.lengths, batch.y)
            (loss / len(batch)).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 0.25)
            optimizer.step()

        return seconds_of_step(step, settings.threads, most)


def usual_rows(records: LabelledSequences, count: int) -> list[int]:
    """Rows of records of about the mean length, as many as a batch has."""
    far = np.abs(records.lengths - records.lengths.mean())
    return [int(row) for row in far.argsort(kind="stable")[:count]]
