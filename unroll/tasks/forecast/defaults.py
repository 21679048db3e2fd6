"""The values of settings that were left open."""

from __future__ import annotations

from unroll.errors import UserError
from unroll.tasks.base import MakeCell
from unroll.tasks.forecast.reader import ForecastData, choose_base
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.sizes import stack_output_size

HIDDEN = 32
# chosen on the first four fifths of daily weather, three seeds each
DROPOUT, BATCH_SIZE, LEARNING_RATE = 0.3, 64, 2e-3
SGD_LEARNING_RATE = 0.03
MOST_EMBEDDING = 8  # numbers per series


def resolve_sizes(settings: ForecastSettings, make_cell: MakeCell) -> ForecastSettings:
    """Give hidden size and loss their values.

    Args:
        settings: the sizes that were given.
        make_cell: one cell for each layer is made, so that sizes it cannot have are refused before a
            table is read.
    """
    hidden = settings.hidden or HIDDEN
    stack_output_size(make_cell, hidden, hidden, settings)
    loss = settings.loss or ("mse" if settings.readout == "ridge" else "quantile")
    return settings.model_copy(update={"hidden": hidden, "loss": loss})


def resolve(settings: ForecastSettings, data: ForecastData) -> ForecastSettings:
    """Give every other setting that was left open its value.

    Raises:
        UserError: where the training set, the validation set or the test set has no window.
    """
    table, series = data.table, len(data.table.series)
    rate = LEARNING_RATE if settings.optimizer == "adamw" else SGD_LEARNING_RATE
    settings = settings.model_copy(
        update={
            "time": table.time,
            "target": table.columns[0],
            "covariates": ",".join(table.past_columns) or None,
            "history": data.history,
            "season": data.preprocessor.season,
            "batch_size": settings.batch_size or BATCH_SIZE,
            "dropout": DROPOUT if settings.dropout is None else settings.dropout,
            "embedding": settings.embedding
            or (min(MOST_EMBEDDING, series) if series > 1 else None),
            "learning_rate": settings.learning_rate or rate,
        }
    )
    if settings.relative_to == "auto":
        settings = settings.model_copy(update={"relative_to": choose_base(data, settings)})
    check_window_sets(data, settings)
    return settings


def check_window_sets(data: ForecastData, settings: ForecastSettings) -> None:
    """Check that each set has a window.

    Raises:
        UserError: where one has none.
    """
    names = ("training set", "validation set", "test set")
    for name, part in zip(names, data.window_sets(settings), strict=True):
        if not len(part.origins):
            raise UserError(
                f"{data.table.name} leaves no window in the {name} with a history of {data.history} "
                f"and a horizon of {settings.horizon} steps. Give more rows, or a smaller --set "
                "history=N or --horizon."
            )
