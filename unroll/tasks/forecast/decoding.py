"""A forecaster's answers: the steps after the end of a series, as rows and as a picture.

T time, N origins, K horizon, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unroll.tasks.forecast.picture import Panel, Stretch, draw
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import Windows

DRAWN = 8  # series in a picture

# the quantiles [N, K, Q] of the steps after origins [N], in the target's own unit
Forecast = Callable[[np.ndarray], np.ndarray]


def answer_of(
    windows: Windows, series: int, origin: int, settings: ForecastSettings, forecast: Forecast
) -> dict[str, Any]:
    """The forecast from one origin: `forecast` holds a row a step."""
    rows = []
    for k, quantiles in enumerate(forecast(np.array([origin]))[0]):
        named = dict(zip(map(str, settings.levels), map(float, quantiles), strict=True))
        rows.append(
            {
                "time": windows.table.at(windows.times[origin + 1 + k]),
                "value": named["0.5"],
                "low": float(quantiles[0]),
                "high": float(quantiles[-1]),
                "quantiles": named,
            }
        )
    name = windows.table.series[series].name
    return {
        **({"series": name} if name else {}),
        "target": windows.preprocessor.target,
        "from": windows.table.at(windows.times[origin]),
        "last": float(windows.filled[origin]),
        "band": settings.levels[-1] - settings.levels[0],
        "forecast": rows,
    }


def in_rows(answer: dict[str, Any]) -> str:
    """A row a step: the series where there are several, time, forecast, low, high; tabs between.

    What there is to say of the table stands before it, after a #.
    """
    first = [answer["series"]] if "series" in answer else []
    rows = [
        "\t".join([*first, row["time"], *(f"{row[k]:.6g}" for k in ("value", "low", "high"))])
        for row in answer["forecast"]
    ]
    return "\n".join([*(f"# {sentence}" for sentence in answer.get("told", [])), *rows])


def picture_of(
    windows: Windows,
    ends: Sequence[tuple[int, int]],
    settings: ForecastSettings,
    forecast: Forecast,
    told: Sequence[str],
) -> str:
    """An SVG of the first DRAWN series: their last steps with the forecasts that the model would
    have made of them, points outside the band, and the forecast from the end.

    ends: number and last place of each series. told: further lines below.
    """
    horizon = settings.horizon
    panels = [panel(windows, k, end, settings, forecast) for k, end in ends[:DRAWN]]
    band = settings.levels[-1] - settings.levels[0]
    steps = "the next step" if horizon == 1 else f"the next {horizon} steps"
    legend = (
        f"Black: the values. Blue: forecasts of {steps}, and the band that should hold {band:.0%} of "
        "the values. Red: outside of it. Dashed: the end of the data."
    )
    more = [f"The first {DRAWN} of {len(ends):,} series."] if len(ends) > DRAWN else []
    return draw(panels, [legend, *more, *told])


def panel(
    windows: Windows, series: int, end: int, settings: ForecastSettings, forecast: Forecast
) -> Panel:
    """One series up to its last place."""
    horizon, middle = settings.horizon, settings.levels.index(0.5)
    one, start = windows.table.series[series], int(windows.starts[series])
    backtested = max(1, min((len(one) - windows.first - 1) // horizon, 120 // horizon))
    origins = np.array([end - horizon * n for n in range(backtested, -1, -1)])
    origins = origins[origins - start >= windows.first]
    begin = max(start, int(origins[0]) - max(20, horizon))
    stretches = [
        Stretch(
            range(origin + 1 - begin, origin + 1 + horizon - begin),
            quantiles[:, middle].tolist(),
            quantiles[:, 0].tolist(),
            quantiles[:, -1].tolist(),
        )
        for origin, quantiles in zip(origins.tolist(), forecast(origins), strict=True)
    ]
    times = windows.times[begin : end + 1 + horizon]
    return Panel(
        f"{windows.preprocessor.target}{f' of {one.name}' if one.name else ''}",
        windows.values[begin : end + 1].tolist(),
        stretches,
        [windows.table.at(time) for time in times],
    )
