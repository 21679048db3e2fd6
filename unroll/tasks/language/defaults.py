"""The values of settings that were left open."""

from __future__ import annotations

import math
from typing import Any

from unroll.errors import UserError
from unroll.models.weight_drop import RECURRENT, recurrent_weights
from unroll.settings.training import BUDGETS
from unroll.tasks.base import MakeCell
from unroll.tasks.language.budget_sizes import (
    epochs_of_steps,
    fit_to_budget,
    fit_to_reading,
    fits_budget,
)
from unroll.tasks.language.reader import Corpus, valid_size, when_unknown
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.sizes import stack_output_size

# of budgets of steps; those of seconds have sizes for them (`budget_sizes`). Characters: chosen by trials;
# words: by two; lines and bpe: by analogy
DEFAULTS: dict[str, dict[str, Any]] = {
    "char": {"hidden": 384, "batch_size": 16, "dropout": 0.1, "learning_rate": 6e-3},
    "line": {"hidden": 256, "batch_size": 32, "dropout": 0.1, "learning_rate": 3e-3},
    "word": {"hidden": 256, "batch_size": 16, "dropout": 0.4, "learning_rate": 3e-3},
    "bpe": {"hidden": 512, "batch_size": 16, "dropout": 0.2, "learning_rate": 3e-3},
}
# a step online is slow, and frequent updates of the weights help more than parallel streams
ONLINE: dict[str, dict[str, Any]] = {
    "rtrl": {"hidden": 32, "batch_size": 1, "dropout": 0.0, "embedding": 16},
    "snap1": {"hidden": 64, "batch_size": 1, "dropout": 0.0, "embedding": 32},
}
ONLINE_BLOCK = 8
SGD_RATE = 0.3
DEVICE_STREAMS = 64  # streams in parallel where the device is no CPU
# of a text of which nothing is held out; chosen by trials on texts of 5 to 900 characters
SMALL_UNITS, SMALL_RATE = (16, 128), 0.01
MOST_ONE_HOT = 4096  # tokens


def defaults_of(settings: LanguageSettings) -> dict[str, Any]:
    """The defaults for these settings, by the name of the setting."""
    preset = DEFAULTS["line" if settings.per_line else settings.level]
    return preset if settings.online is None else {**preset, **ONLINE[settings.online]}


def resolve_sizes(settings: LanguageSettings, make_cell: MakeCell) -> LanguageSettings:
    """Give hidden size, embedding size and tying their values, where they were left open.

    In a budget of seconds `resolve` does, from the text and the time of a step.

    Args:
        settings: the sizes that were given.
        make_cell: one cell for each layer is made, so that sizes it cannot have are refused before a
            text is read.

    Raises:
        UserError: where tied weights and sizes do not fit together, and where there are no recurrent
            weights to drop.
    """
    preset = defaults_of(settings)
    if fits_budget(settings) and settings.hidden is None and settings.embedding is None:
        return settings  # what the text and the machine allow is known when it is read
    hidden = settings.hidden or preset["hidden"]
    may_tie = settings.level != "char" if settings.tie is None else settings.tie
    may_tie = may_tie and settings.input == "embedding"
    embedding = settings.embedding or (
        hidden if may_tie else min(preset.get("embedding", 128), hidden)
    )
    width = stack_output_size(make_cell, embedding, hidden, settings)
    if settings.weight_drop and not recurrent_weights(make_cell(embedding, hidden)):
        raise UserError(
            f"--set weight_drop={settings.weight_drop:g} got the cell {settings.cell}, which has no "
            f"recurrent weights of that name ({RECURRENT}). Leave it out, or take --cell lstm or gru."
        )
    if may_tie and settings.embedding is None:
        embedding = width
    if settings.tie and embedding != width:
        raise UserError(
            f"--set tie=true needs --set embedding={width}, the output size of the cell with --hidden "
            f"{hidden}; got embedding={embedding}. Leave the embedding out, or use --set tie=false."
        )
    resolved: dict[str, Any] = {
        "tie": may_tie and embedding == width,
        "hidden": hidden,
        "embedding": embedding,
    }
    if settings.online and "block" not in settings.model_fields_set:
        resolved["block"] = ONLINE_BLOCK
    left_open = {name for name in ("hidden", "embedding") if getattr(settings, name) is None}
    return settings.with_usual_sizes(resolved, left_open)


def fit_to_small_text(settings: LanguageSettings, corpus: Corpus) -> LanguageSettings:
    """Give sizes that were left open the values for a text of which nothing is held out.

    The network is to learn the text by heart: few units, no dropout, a high rate, a thousand steps.

    Args:
        settings: sizes, rate and budget, as far as they were given.
        corpus: the text.
    """
    changes: dict[str, Any] = {}
    if settings.hidden is None or "hidden" in settings.usual_sizes:
        units = SMALL_UNITS[0] * round(4 * math.sqrt(corpus.train.tokens) / SMALL_UNITS[0])
        hidden = max(SMALL_UNITS[0], min(SMALL_UNITS[1], units))
        changes = {"hidden": hidden, "tie": False}
        if settings.embedding is None or "embedding" in settings.usual_sizes:
            changes["embedding"] = hidden
    if settings.dropout is None:
        changes["dropout"] = 0.0
    if settings.learning_rate is None and settings.optimizer == "adamw":
        changes["learning_rate"] = SMALL_RATE
    if all(getattr(settings, name) is None for name in BUDGETS):
        changes["epochs"] = 1  # of so few steps, which `fill_in_budget` makes a thousand
    return settings.model_copy(update=changes)


def fitting_block(settings: LanguageSettings, corpus: Corpus) -> int:
    """Steps of a block: all of a text that is shorter than two blocks.

    Raises:
        UserError: where such a text is read in windows of another truncation.
    """
    tokens, block = corpus.train.tokens, settings.block
    if settings.per_line or tokens >= 2 * block:
        return block
    if settings.truncation != "window":
        raise UserError(
            f"{corpus.source.name} is shorter than two blocks: its training set has {tokens} tokens, a "
            f"block {block}. Give a longer text, a smaller --set block={max(1, tokens // 4)}, or leave "
            "truncation out."
        )
    return min(block, tokens) if "block" in settings.model_fields_set else tokens


def resolve(settings: LanguageSettings, corpus: Corpus) -> LanguageSettings:
    """Give every other setting that was left open its value.

    Raises:
        UserError: where the text is too short for the settings.
    """
    preset = defaults_of(settings)
    vocabulary = len(corpus.vocabulary)
    if settings.input == "onehot" and vocabulary > MOST_ONE_HOT:
        raise UserError(
            f"--set input=onehot is for at most {MOST_ONE_HOT:,} tokens, and the vocabulary has "
            f"{vocabulary:,}. Leave it out: an embedding is a learned vector for each."
        )
    settings = settings.model_copy(update={"block": fitting_block(settings, corpus)})
    room = max(1, (corpus.train.tokens - settings.block) // settings.block)
    if not corpus.held_out:
        settings = fit_to_small_text(settings, corpus)
    elif fits_budget(settings):
        settings = fit_to_budget(settings, corpus)
    one_by_one = settings.per_line or settings.device == "cpu"
    batch_size = settings.batch_size or (preset["batch_size"] if one_by_one else DEVICE_STREAMS)
    if not settings.per_line:
        batch_size = min(batch_size, room)
    dropout = preset["dropout"] if settings.dropout is None else settings.dropout
    dropout_input = settings.dropout_input
    if dropout_input is None:
        dropout_input = 0.0 if settings.level == "char" else dropout
    learning_rate = settings.learning_rate
    if learning_rate is None:
        learning_rate = preset["learning_rate"] if settings.optimizer == "adamw" else SGD_RATE
    settings = settings.model_copy(update={"batch_size": batch_size})
    if settings.online is None and corpus.held_out and not fits_budget(settings):
        epochs = epochs_of_steps(settings, corpus)
        if epochs is not None:
            settings = fit_to_reading(settings, corpus, lambda words: epochs)
    restarts = settings.restarts
    if restarts is None:
        restarts = settings.level == "word" and settings.can_restart
    return settings.model_copy(
        update={
            "restarts": restarts,
            "batch_size": batch_size,
            "dropout": dropout,
            "dropout_input": dropout_input,
            "learning_rate": learning_rate,
            "embedding": settings.embedding if settings.input == "embedding" else None,
            "valid_size": valid_size(settings, resumed=False, is_short=not corpus.held_out),
            "unknown": when_unknown(settings, corpus.scan.characters, corpus.held_out),
        }
    )
