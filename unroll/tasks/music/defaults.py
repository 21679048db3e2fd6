"""The values of settings that were left open."""

from __future__ import annotations

from unroll.errors import UserError
from unroll.tasks.base import MakeCell
from unroll.tasks.music.budget_sizes import fit_to_budget
from unroll.tasks.music.reader import MusicData
from unroll.tasks.music.settings import MusicSettings
from unroll.tasks.sizes import stack_output_size
from unroll.training.sizes_for_seconds import may_choose_size

HIDDEN, EMBEDDING, BATCH_SIZE, DROPOUT = 512, 128, 8, 0.3
LEARNING_RATE, SGD_LEARNING_RATE = 3e-3, 0.3


def resolve_sizes(settings: MusicSettings, make_cell: MakeCell) -> MusicSettings:
    """Give hidden size and embedding size their values, where the budget is not one of seconds.

    Args:
        settings: the sizes that were given.
        make_cell: one cell for each layer is made, so that sizes it cannot have are refused before
            tunes are read.

    Raises:
        UserError: where tied weights and sizes do not fit together.
    """
    if may_choose_size(settings) and settings.hidden is None and settings.embedding is None:
        return settings  # what the tunes and the machine allow is known when they are read
    hidden = settings.hidden or HIDDEN
    embedding = settings.embedding or (hidden if settings.tie else EMBEDDING)
    output_size = stack_output_size(make_cell, embedding, hidden, settings)
    if settings.tie and settings.embedding is None:
        embedding = output_size
    if settings.tie and embedding != output_size:
        raise UserError(
            f"--set tie=true needs --set embedding={output_size}, the output size of the cell with "
            f"--hidden {hidden}; got embedding={embedding}. Leave the embedding out, or use --set "
            "tie=false."
        )
    return settings.model_copy(update={"hidden": hidden, "embedding": embedding})


def resolve(settings: MusicSettings, data: MusicData) -> MusicSettings:
    """Give every other setting that was left open its value."""
    if may_choose_size(settings):
        settings = fit_to_budget(settings, data)
    dropout = DROPOUT if settings.dropout is None else settings.dropout
    rate = LEARNING_RATE if settings.optimizer == "adamw" else SGD_LEARNING_RATE
    return settings.model_copy(
        update={
            "batch_size": settings.batch_size or BATCH_SIZE,
            "dropout": dropout,
            "dropout_input": (
                dropout if settings.dropout_input is None else settings.dropout_input
            ),
            "learning_rate": settings.learning_rate or rate,
        }
    )
