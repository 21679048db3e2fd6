"""Sizes, streams, dropout and learning rate that fit the seconds of a run, this machine and the text.

The curve of sizes is that of `unroll.tasks.reference_step`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from unroll.tasks.language.reader import Corpus
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.language.words_read import best_shortlist, best_weight_drop
from unroll.tasks.reference_step import (
    STREAMS,
    TOKENS_IN_STEP,
    reference_cost,
    step_cost,
    steps_and_units,
)
from unroll.training.sizes_for_seconds import may_choose_size

TIMED_WORDS = 2048  # in the softmax of the network that is timed, where a shortlist is chosen
LINES = 32  # in a batch, where each is a sequence
BATCHES = 10  # in an epoch, at least


def fits_budget(settings: LanguageSettings) -> bool:
    """Whether sizes follow from seconds: those that were left open, of a usual network on a CPU."""
    return may_choose_size(settings) and settings.online is None and settings.truncation == "window"


def fit_to_budget(settings: LanguageSettings, corpus: Corpus) -> LanguageSettings:
    """Give sizes, streams, dropout and rate that were left open the values for these seconds.

    A step of a network of 256 units is timed, from which it follows how many the seconds hold.

    Args:
        settings: for which `fits_budget` holds.
        corpus: the text.
    """
    vocabulary, tokens = len(corpus.vocabulary), corpus.train.tokens
    timed = settings.shortlist or (TIMED_WORDS if may_shorten(settings, corpus) else vocabulary)
    timed = min(timed, vocabulary)
    tie = settings.level != "char" if settings.tie is None else settings.tie
    tie = tie and settings.input == "embedding"
    steps, hidden = steps_and_units(settings, timed, tokens, tie=tie)
    reference = reference_cost(timed, tie=tie)
    embedding = settings.embedding or (hidden if tie else min(128, hidden))
    tie = tie and embedding == hidden
    if settings.per_line:
        batch_size = settings.batch_size or LINES
        lines = 1 if corpus.train.starts is None else len(corpus.train.starts)
        in_step = batch_size * tokens / max(1, lines)
    else:
        most = tokens // (BATCHES * settings.block)
        batch_size = settings.batch_size or max(1, min(STREAMS, most))
        in_step = batch_size * settings.block

    def epochs_with(words: int) -> float:
        """How often the text is read, with a softmax over so many words."""
        cost = step_cost(hidden, embedding, words) / reference
        return steps * TOKENS_IN_STEP / (cost * settings.layers) / tokens

    settings = fit_to_reading(settings, corpus, epochs_with)
    epochs = epochs_with(settings.shortlist or vocabulary)
    dropout = best_dropout(settings.level, epochs) if settings.dropout is None else settings.dropout
    rate = settings.learning_rate
    if rate is None and settings.optimizer == "adamw":
        rate = best_rate(settings.level, hidden, settings.layers, in_step)
    return settings.model_copy(
        update={
            "hidden": hidden,
            "embedding": embedding,
            "tie": tie,
            "batch_size": batch_size,
            "dropout": dropout,
            "learning_rate": rate,
        }
    )


def epochs_of_steps(settings: LanguageSettings, corpus: Corpus) -> float | None:
    """How often a budget of steps or epochs reads the text; None where the budget is another.

    Args:
        settings: with the batch size.
        corpus: the text.
    """
    if settings.steps is None:
        return settings.epochs
    in_step = (settings.batch_size or 1) * (1.0 if settings.per_line else settings.block)
    lines = 0 if corpus.train.starts is None else len(corpus.train.starts)
    return settings.steps * in_step / max(1, lines if settings.per_line else corpus.train.tokens)


def fit_to_reading(
    settings: LanguageSettings, corpus: Corpus, epochs: Callable[[int], float]
) -> LanguageSettings:
    """Give shortlist and weight drop that were left open the values for a text that is read so often.

    Args:
        settings: what a token is.
        corpus: the text, with its n-grams.
        epochs: how often it is read, with so many words in the softmax.
    """
    words, drop = settings.shortlist, settings.weight_drop
    if corpus.floor is not None and may_shorten(settings, corpus):
        words = best_shortlist(corpus.floor.unigram, corpus.train.tokens, epochs)
    if words is not None and words >= len(corpus.vocabulary):
        words = None
    if drop is None:
        often = epochs(words or len(corpus.vocabulary))
        drop = best_weight_drop(settings.cell, often) if settings.level == "word" else 0.0
    return settings.model_copy(update={"shortlist": words, "weight_drop": drop})


def may_shorten(settings: LanguageSettings, corpus: Corpus) -> bool:
    """Whether a shortlist follows from the budget: of words that n-grams know too."""
    is_open = settings.shortlist is None and settings.online is None and settings.input != "onehot"
    return is_open and settings.level == "word" and corpus.floor is not None


def best_dropout(level: str, epochs: float) -> float:
    """Dropout for a text that is read so many times: none below 2, 0.1 more for each doubling.

    Words have 0.2 at the first time, and less where the text is not read to its end.
    """
    least, once = (0.2, 1.0) if level == "word" else (0.0, 2.0)
    more = 0.1 * math.log2(max(epochs, once) / once)
    return round(min(0.5, least * min(1.0, epochs) + more), 2)


def best_rate(level: str, hidden: int, layers: int, tokens_in_step: float) -> float:
    """The highest learning rate of AdamW: falls with the units, the layers, and with small batches."""
    most, scale = (0.008, 1.2) if level == "word" else (0.015, 3.0)
    small = math.sqrt(min(1.0, tokens_in_step / TOKENS_IN_STEP))
    rate = max(2e-3, min(most, scale / hidden) / math.sqrt(layers))
    return float(f"{max(1e-3, rate * small):.2g}")
