"""Sizes, streams, dropout and learning rate that fit the seconds of a run, this machine and the text.

A network that is too large for its seconds reads too little, one that is too small learns too little of what
it reads. At equal time on tinyshakespeare, LSTMs of 128 and of 256 units are as good as each other after 25
seconds of a processor (1.69 nats), one of 384 is worse (1.76): there the best size is about 180. It grows with
the time to the power 0.45, between those of the parameters (twice) and of the tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from unroll.engine.backends import backend as use_backend
from unroll.models.language import LanguageModel
from unroll.tasks.language.reader import Corpus
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.language.words_read import best_shortlist, best_weight_drop
from unroll.training.budget import DEFAULT_SECONDS
from unroll.training.sizes_for_seconds import SizeCurve, may_choose_size, seconds_of_step

REFERENCE = 256  # units of the network that is timed
REFERENCE_WORDS = 2048  # in its softmax, where a shortlist is chosen
STREAMS, BLOCK = 16, 64
LINES = 32  # in a batch, where each is a sequence
UNITS = SizeCurve(known_steps=600, known_units=180, growth=0.45, smallest=32, largest=1024)
TRAINING = 0.8  # of the seconds, that training gets
PARTS = 4  # of a step, of which one is timed
TIMING = 0.03  # of the seconds, that timing takes
SHORTEST = 4.0  # seconds, below which nothing is timed
USUAL_STEP = 0.04  # seconds of a step of the reference, where it is not timed
TOKENS_IN_STEP = STREAMS * BLOCK
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
    seconds = TRAINING * (settings.seconds or DEFAULT_SECONDS)
    vocabulary, tokens = len(corpus.vocabulary), corpus.train.tokens
    timed = settings.shortlist or (REFERENCE_WORDS if may_shorten(settings, corpus) else vocabulary)
    timed = min(timed, vocabulary)
    step = USUAL_STEP
    if (settings.seconds or DEFAULT_SECONDS) >= SHORTEST:
        step = reference_seconds(settings, timed, TIMING * seconds)
    hidden = settings.hidden or UNITS.units(seconds / step, tokens)
    tie = settings.level != "char" if settings.tie is None else settings.tie
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
    reference = step_cost(REFERENCE, REFERENCE if tie else 128, timed)

    def epochs_with(words: int) -> float:
        """How often the text is read, with a softmax over so many words."""
        cost = step_cost(hidden, embedding, words) / reference
        return seconds / step * TOKENS_IN_STEP / (cost * settings.layers) / tokens

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
    is_open = settings.shortlist is None and settings.online is None
    return is_open and settings.level == "word" and corpus.floor is not None


def best_dropout(level: str, epochs: float) -> float:
    """Dropout for a text that is read so many times: none below 2, 0.1 more for each doubling."""
    least, once = (0.2, 1.0) if level == "word" else (0.0, 2.0)
    more = 0.1 * math.log2(max(epochs, once) / once)
    return round(min(0.5, least + more), 2)


def best_rate(level: str, hidden: int, layers: int, tokens_in_step: float) -> float:
    """The highest learning rate of AdamW: falls with the units, the layers, and with small batches."""
    most, scale = (0.008, 1.2) if level == "word" else (0.015, 3.0)
    small = math.sqrt(min(1.0, tokens_in_step / TOKENS_IN_STEP))
    rate = max(2e-3, min(most, scale / hidden) / math.sqrt(layers))
    return float(f"{max(1e-3, rate * small):.2g}")


def step_cost(hidden: int, embedding: int, vocabulary: int) -> float:
    """Multiplications of a token, up to a factor: gates and softmax."""
    return 4.0 * hidden * (hidden + embedding) + hidden * vocabulary


def reference_seconds(settings: LanguageSettings, vocabulary: int, most: float) -> float:
    """Seconds of a step of a network of 256 units, by the faster of one thread and all.

    A quarter of such a step is timed. The random numbers and the threads of the caller stay as they are.

    Args:
        settings: cell, backend, threads, and what a token is.
        vocabulary: V.
        most: seconds that this may take, about.
    """
    steps = BLOCK // PARTS
    with torch.random.fork_rng(devices=[]), use_backend(settings.backend):
        tie = settings.level != "char"
        network = LanguageModel(
            vocabulary, REFERENCE if tie else 128, REFERENCE, cell=settings.cell, tie=tie
        )
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
