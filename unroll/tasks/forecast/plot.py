"""A plot of series with past forecasts, values outside their band, and the forecast from the end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.tasks.forecast.inputs import ForecastInput
from unroll.tasks.forecast.picture import Panel, Stretch, draw
from unroll.tasks.forecast.predictions import Quantify
from unroll.tasks.forecast.settings import ForecastSettings

DRAWN = 8  # series in a plot
PAST_STEPS = 120  # steps of past forecasts in a panel, at most


def plot_series(
    inputs: Sequence[ForecastInput],
    settings: ForecastSettings,
    quantify: Quantify,
    messages: Sequence[str],
) -> str:
    """An SVG of the first eight series, one panel each.

    Past forecasts are those that the model would have made.

    Args:
        inputs: series of one table, one or more.
        settings: horizon and quantiles.
        quantify: gives the quantiles of the table's windows.
        messages: sentences below the legend.
    """
    horizon = settings.horizon
    panels = [draw_panel(one, settings, quantify) for one in inputs[:DRAWN]]
    band = settings.levels[-1] - settings.levels[0]
    steps = "the next step" if horizon == 1 else f"the next {horizon} steps"
    legend = (
        f"Black: known values. Blue: forecasts of {steps}, and the band that should hold {band:.0%} "
        "of the values. Red: values outside the band. Dashed: the end of the data."
    )
    more = [f"The first {DRAWN} of {len(inputs):,} series."] if len(inputs) > DRAWN else []
    return draw(panels, [legend, *more, *messages])


def draw_panel(one: ForecastInput, settings: ForecastSettings, quantify: Quantify) -> Panel:
    """The panel of one series up to its last known value."""
    windows, end = one.windows, one.origin
    horizon, median = settings.horizon, settings.levels.index(0.5)
    series, start = windows.table.series[one.series], int(windows.starts[one.series])
    known = (len(series) - windows.first - 1) // horizon
    backtested = max(1, min(known, PAST_STEPS // horizon))
    origins = np.array([end - horizon * n for n in range(backtested, -1, -1)])
    origins = origins[origins - start >= windows.first]
    begin = max(start, int(origins[0]) - max(20, horizon))
    stretches = [
        Stretch(
            range(origin + 1 - begin, origin + 1 + horizon - begin),
            quantiles[:, median].tolist(),
            quantiles[:, 0].tolist(),
            quantiles[:, -1].tolist(),
        )
        for origin, quantiles in zip(origins.tolist(), quantify(origins), strict=True)
    ]
    places = range(begin, end + 1 + horizon)
    return Panel(
        f"{windows.preprocessor.target}{f' of {series.name}' if series.name else ''}",
        windows.values[begin : end + 1].tolist(),
        stretches,
        [windows.format_time(place) for place in places],
    )
