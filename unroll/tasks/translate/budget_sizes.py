"""Sizes, dropout and learning rate that fit the seconds of a run, this machine and the pairs.

A network that is too large for its seconds takes too few steps: LSTMs of 512 units that got 86 steps
translated nothing. 512 units are the size for 30 minutes of a processor, found by hand on Tatoeba's 34,000
pairs of English and French; the size falls with the time to the power 0.4, which three short pilots support.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from unroll.engine.backends import backend as use_backend
from unroll.tasks.translate.batches import EncodedPairs
from unroll.tasks.translate.network import TranslateNetwork
from unroll.tasks.translate.preprocessor import PairPreprocessor
from unroll.tasks.translate.settings import TranslateSettings
from unroll.training.budget import network_seconds
from unroll.training.sizes_for_seconds import (
    TIMING_PART,
    SizeCurve,
    fit_units,
    may_choose_size,
    seconds_of_step,
)

REFERENCE = 256  # units of the network that is timed
BATCH, SMALL_BATCH = 64, 32  # pairs of a batch; of networks that are small because time is short
SMALL = 256  # their units, at most
UNITS = SizeCurve(
    known_steps=40_000, known_units=512, growth=0.4, smallest=64, largest=512, cost=1.0
)
TRAINING = 0.8  # of the seconds, that training gets
TIMING = 0.03  # of the seconds, that timing takes
SHORTEST = 10.0  # seconds, below which nothing is timed
USUAL_STEP = 0.05  # seconds of a step of the reference, where it is not timed
MOST_DROPOUT = {"bpe": 0.4, "word": 0.4, "char": 0.2}
LONGEST_TRIAL = 40  # tokens of the pairs that are timed


def fits_budget(settings: TranslateSettings) -> bool:
    """Whether sizes follow from seconds: of a usual network on a CPU, with no other budget."""
    return (
        may_choose_size(settings)
        and settings.encoder_hidden is None
        and settings.optimizer == "adamw"
        and not settings.input_feeding
    )


def fit_to_budget(
    settings: TranslateSettings, preprocessor: PairPreprocessor, pairs: EncodedPairs
) -> TranslateSettings:
    """Give sizes, dropout and rate that were left open the values for these seconds.

    A step of a network of 256 units is timed, from which it follows how many the seconds hold, then one of
    the size that fits, and of the next ones.

    Args:
        settings: for which `fits_budget` holds, without `hidden`.
        preprocessor: the vocabularies.
        pairs: the training set.
    """
    seconds = network_seconds(settings)
    step, hidden = timed_units(settings, preprocessor, pairs)
    embedding = settings.embedding or max(32, hidden // (4 if settings.level == "char" else 2))
    batch_size = settings.batch_size or (SMALL_BATCH if hidden <= SMALL else BATCH)
    # pairs a second hardly depend on the size of a batch
    epochs = TRAINING * seconds / step * REFERENCE / hidden * BATCH / len(pairs)
    dropout = best_dropout(settings.level, epochs)
    word_dropout = 0.0 if settings.level == "char" else round(dropout / 4, 3)
    open_ones: dict[str, float | int] = {
        "dropout": dropout,
        "word_dropout": word_dropout,
        "learning_rate": best_rate(hidden),
        "batch_size": min(batch_size, len(pairs)),
    }
    found = {name: value for name, value in open_ones.items() if getattr(settings, name) is None}
    return settings.model_copy(
        update={"hidden": hidden, "encoder_hidden": hidden // 2, "embedding": embedding, **found}
    )


def best_dropout(level: str, epochs: float) -> float:
    """Dropout for pairs that are read so many times: none at once, 0.1 more for each doubling."""
    return round(min(MOST_DROPOUT[level], 0.1 * math.log2(max(1.0, epochs))), 2)


def best_rate(hidden: int) -> float:
    """The highest learning rate of AdamW: falls with the units."""
    return float(f"{min(6e-3, 1.024 / hidden):.2g}")


def timed_units(
    settings: TranslateSettings, preprocessor: PairPreprocessor, pairs: EncodedPairs
) -> tuple[float, int]:
    """Seconds of a step of the reference on this machine, and the units that fit the budget.

    Args:
        settings: with the budget.
        preprocessor: the vocabularies.
        pairs: the training set.
    """
    each = network_seconds(settings)
    tokens = len(pairs.source.ids) + len(pairs.target.ids) + 2 * len(pairs)
    if each < SHORTEST:
        return USUAL_STEP, UNITS.units(TRAINING * each / USUAL_STEP, tokens)
    step = step_seconds(settings, preprocessor, pairs, REFERENCE, TIMING * each)
    most = TIMING_PART * each
    if 2 * step > most:
        return step, UNITS.units(TRAINING * each / step, tokens)

    def measure(units: int) -> float:
        """Seconds of a step of so many units."""
        return step_seconds(settings, preprocessor, pairs, units, most / 4)

    return step, fit_units(UNITS, TRAINING * each, step, tokens, measure, most)


def step_seconds(
    settings: TranslateSettings,
    preprocessor: PairPreprocessor,
    pairs: EncodedPairs,
    units: int,
    most: float,
) -> float:
    """Seconds of a step of a network of so many units, by the faster of one thread and all.

    The random numbers and the threads of the caller stay as they are.

    Args:
        settings: cell, layers, attention, backend and threads.
        preprocessor: the vocabularies.
        pairs: the training set.
        units: of encoder and decoder.
        most: seconds that this may take, about.
    """
    rows = usual_rows(pairs)
    batch = pairs.batch(rows)
    with torch.random.fork_rng(devices=[]), use_backend(settings.backend):
        network = TranslateNetwork(
            len(preprocessor.source), len(preprocessor.target), units // 2, units,
            settings.layers, cell=settings.cell, attention=settings.attention,
        )  # fmt: skip
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)

        def step() -> None:
            """Loss, gradient and update."""
            optimizer.zero_grad()
            loss = network.loss(
                batch.source, batch.lengths, batch.inputs, batch.target, batch.weight
            )
            (loss / batch.tokens).backward()
            nn.utils.clip_grad_norm_(network.parameters(), 0.25)
            optimizer.step()

        return seconds_of_step(step, settings.threads, most)


def usual_rows(pairs: EncodedPairs) -> list[int]:
    """Pairs of about the mean length, as many as a batch has, none of them very long."""
    lengths = pairs.source.lengths + pairs.target.lengths
    far = abs(lengths - min(float(lengths.mean()), 2.0 * LONGEST_TRIAL))
    return [int(row) for row in far.argsort(kind="stable")[:BATCH]]
