"""Sizes, dropout and learning rate that fit the seconds of a run, this machine and the tunes.

The curve of sizes is that of `unroll.tasks.reference_step`.
"""

from __future__ import annotations

import math

from unroll.data.split import evenly_spread
from unroll.tasks.music.reader import MusicData
from unroll.tasks.music.settings import MusicSettings
from unroll.tasks.reference_step import (
    TOKENS_IN_STEP,
    reference_cost,
    step_cost,
    steps_and_units,
)

EMBEDDING = 128  # numbers of a token, at most
SAMPLE = 100  # tunes whose tokens are counted
MOST_RATE, RATE_OF_UNITS = 0.008, 1.5  # the highest learning rate, and its product with the units
MOST_DROPOUT = 0.3


def fit_to_budget(settings: MusicSettings, data: MusicData) -> MusicSettings:
    """Give sizes, dropout and rate that were left open the values for the seconds of the budget.

    Args:
        settings: for which `may_choose_size` holds.
        data: the tunes.
    """
    preprocessor = data.preprocessor
    sample = [data.train[k].text for k in evenly_spread(len(data.train), SAMPLE)]
    each = sum(len(preprocessor.encode(text)) + 1 for text in sample) / len(sample)
    tokens, vocabulary = each * len(data.train), len(preprocessor)
    steps, hidden = steps_and_units(settings, vocabulary, round(tokens), tie=settings.tie)
    embedding = settings.embedding or (hidden if settings.tie else min(EMBEDDING, hidden))
    cost = step_cost(hidden, embedding, vocabulary) / reference_cost(vocabulary, tie=settings.tie)
    epochs = steps * TOKENS_IN_STEP / (cost * settings.layers) / tokens
    rate = settings.learning_rate
    if rate is None and settings.optimizer == "adamw":
        rate = best_rate(hidden, settings.layers)
    dropout = best_dropout(epochs) if settings.dropout is None else settings.dropout
    return settings.model_copy(
        update={
            "hidden": hidden,
            "embedding": embedding,
            "dropout": dropout,
            "learning_rate": rate,
        }
    )


def best_dropout(epochs: float) -> float:
    """Dropout for tunes that are read so many times, mostly in other keys: 0.1 more for each doubling
    from the second time on.
    """
    return round(min(MOST_DROPOUT, 0.1 * math.log2(max(epochs, 2.0) / 2.0)), 2)


def best_rate(hidden: int, layers: int) -> float:
    """The highest learning rate of AdamW: falls with the units and the layers."""
    rate = max(2e-3, min(MOST_RATE, RATE_OF_UNITS / hidden) / math.sqrt(layers))
    return float(f"{rate:.2g}")
