"""The values of settings that were left open."""

from __future__ import annotations

from typing import Any

from unroll.errors import UserError
from unroll.models.weight_drop import RECURRENT, recurrent_weights
from unroll.tasks.base import MakeCell
from unroll.tasks.language.budget_sizes import (
    epochs_of_steps,
    fit_to_budget,
    fit_to_reading,
    fits_budget,
)
from unroll.tasks.language.reader import Corpus, valid_size
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
    resolved = {"tie": may_tie and embedding == width, "hidden": hidden, "embedding": embedding}
    if settings.online and "block" not in settings.model_fields_set:
        resolved["block"] = ONLINE_BLOCK
    return settings.model_copy(update=resolved)


def resolve(settings: LanguageSettings, corpus: Corpus) -> LanguageSettings:
    """Give every other setting that was left open its value.

    Raises:
        UserError: where the text is too short for the settings.
    """
    preset = defaults_of(settings)
    room = (corpus.train.tokens - settings.block) // settings.block
    if room < 1 and not settings.per_line:
        raise UserError(
            f"{corpus.source.name} is shorter than two blocks: its training set has "
            f"{corpus.train.tokens} tokens, a block {settings.block}. Give a longer text, or a "
            f"smaller --set block={max(1, corpus.train.tokens // 4)}."
        )
    if fits_budget(settings):
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
    if settings.online is None and not fits_budget(settings):
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
            "valid_size": valid_size(settings, resumed=False),
        }
    )
