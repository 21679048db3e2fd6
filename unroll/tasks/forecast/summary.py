"""A backtest in sentences: a table of metrics, and whether the model beats the naive methods."""

from __future__ import annotations

import math

from unroll.counting import counted
from unroll.tasks.comparison import comparison_table
from unroll.tasks.forecast.backtest import ForecastMetrics
from unroll.tasks.forecast.metrics import PointErrors

LISTED = 5  # anomalies in a summary
TOLERANCE = 0.05  # of the share of values in the band


def summarise(metrics: ForecastMetrics, where: str) -> list[str]:
    """The metrics as a table and sentences. where: what was measured on."""
    forecasts = counted(metrics["forecasts"], "forecast")
    horizon = metrics["horizon"]
    steps = "step" if horizon == 1 else counted(horizon, "step")
    lines = [
        f"{metrics['target']} on {where}: {forecasts} of the next {steps}:",
        *comparison_table(metrics, metrics["baselines"], format_errors),
        f"  {metrics['coverage']:.1%} of the values lie in the band, which promises "
        f"{metrics['expected_coverage']:.1%}; quantile loss {metrics['quantile_loss']:.4g}.",
        *compare_with_baselines(metrics),
        *compare_coverage(metrics),
    ]
    if seen := metrics.get("seen"):
        lines.append(
            f"{counted(seen, 'forecast is', 'forecasts are')} of steps in the training set or the "
            "validation set; expect larger errors on new steps."
        )
    lines += metrics.get("messages", [])
    if new := metrics.get("new_series"):
        lines.append(
            f"{counted(new, 'series is', 'series are')} not in the training set; scaled by "
            f"{'its' if new == 1 else 'their'} first steps."
        )
    return lines + list_anomalies(metrics)


def format_errors(errors: PointErrors) -> str:
    """The errors that are known, in one line."""
    named = [
        ("MAE", errors["mae"], ""),
        ("RMSE", errors["rmse"], ""),
        ("MASE", errors["mase"], ""),
        ("sMAPE", errors["smape"], " %"),
        ("MAPE", errors["mape"], " %"),
    ]
    return "   ".join(
        f"{name} {value:.4g}{unit}" for name, value, unit in named if value is not None
    )


def compare_with_baselines(metrics: ForecastMetrics) -> list[str]:
    """Whether the model beats the naive forecast (persistence), and the other naive methods."""
    share, noise = metrics["advantage"]["naive"]["share"], metrics["advantage"]["naive"]["noise"]
    if share <= 0:
        lines = [
            "The model does not beat the naive forecast, which repeats the last value and has a MAE "
            f"that is {-share:.1%} smaller. Do not rely on the forecasts of this model."
        ]
    elif noise is None or share < noise:
        chance = "too few windows to tell" if noise is None else f"+- {noise:.1%}"
        lines = [
            f"The model does not clearly beat the naive forecast: its MAE is {share:.1%} smaller, "
            f"which may be chance ({chance})."
        ]
    else:
        lines = [f"The model beats the naive forecast by {share:.1%} (MAE; +- {noise:.1%})."]
    better = [
        name for name, one in metrics["advantage"].items() if name != "naive" and one["share"] <= 0
    ]
    if better:
        either = " either" if share <= 0 else ""
        lines.append(f"The model does not beat {' and '.join(better)}{either}.")
    return lines


def compare_coverage(metrics: ForecastMetrics) -> list[str]:
    """Whether the band holds far fewer or far more values than it promises."""
    held, promised = metrics["coverage"], metrics["expected_coverage"]
    chance = 2 * math.sqrt(promised * (1 - promised) * metrics["horizon"] / metrics["values"])
    if abs(held - promised) <= max(TOLERANCE, chance):
        return []
    if held < promised:
        return ["The band is too narrow: expect more values outside it than it promises."]
    return ["The band is too wide."]


def list_anomalies(metrics: ForecastMetrics) -> list[str]:
    """The number of anomalies, and the five farthest."""
    anomalies = metrics["anomalies"]
    if not anomalies:
        return []
    expected = (1 - metrics["expected_coverage"]) * metrics["forecasts"]
    which = "the farthest:" if len(anomalies) > LISTED else "the farthest first:"
    lines = [
        f"{counted(metrics['anomalies_found'], 'value lies', 'values lie')} outside the band of the "
        f"forecast one step before (about {expected:,.0f} would by chance); {which}"
    ]
    for one in anomalies[:LISTED]:
        series = f"{one['series']} " if "series" in one else ""
        lines.append(
            f"  {series}{one['time']}: {one['value']:.5g}, the band was {one['low']:.5g} to "
            f"{one['high']:.5g}"
        )
    return lines
