"""A backtest in sentences: a table of metrics, and whether the model beats the naive methods."""

from __future__ import annotations

import math
from collections.abc import Mapping

from unroll.counting import counted
from unroll.tasks.comparison import comparison_table
from unroll.tasks.forecast.backtest import FLOOR, ForecastMetrics
from unroll.tasks.forecast.metrics import PointErrors, SeriesErrors

LISTED = 5  # anomalies in a summary, and series
ROUNDING = 1e-5  # share of an error, below which two are the same
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
        ("median MASE of series", errors.get("median_mase"), ""),
        ("relative MAE", errors.get("median_relative_mae"), ""),
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
    """Whether the model beats the best naive forecast, and whether the network improves on the
    simple model."""
    found = {name: one for name, one in metrics["advantage"].items() if name != FLOOR}
    best = min(found, key=lambda name: found[name]["share"])
    share, noise = found[best]["share"], found[best]["noise"]
    several = "series" in metrics
    error = "MASE" if several else "MAE"
    naive = (
        "naive forecast, which repeats the last value" if best == "naive" else f"{best} forecast"
    )
    if share <= 0:
        lines = [
            f"The model does not beat the {naive}{',' if best == 'naive' else ''} and has a {error} "
            f"that is {-share:.1%} smaller. Do not rely on the forecasts of this model."
        ]
    elif noise is None or share < noise:
        chance = "too few windows to tell" if noise is None else f"+- {noise:.1%}"
        lines = [
            f"The model does not clearly beat the {best} forecast, the best of the naive ones: its "
            f"{error} is {share:.1%} smaller, which may be chance ({chance})."
        ]
    else:
        lines = [
            f"The model beats the {best} forecast, the best of the naive ones, by {share:.1%} "
            f"({error}; +- {noise:.1%})."
        ]
    if several:
        lines.append(
            f"{metrics['series_won']:,} of {counted(len(metrics['series']), 'series', 'series')} are "
            "forecast better than by every naive method."
        )
        lines += worst_series(metrics["series"])
    return lines + compare_with_floor(metrics)


def worst_series(series: Mapping[str, SeriesErrors]) -> list[str]:
    """The series that the naive forecast is better for, the farthest first."""
    found = [(one["relative_mae"], name) for name, one in series.items() if one["relative_mae"]]
    worst = sorted(((mae, name) for mae, name in found if mae > 1), reverse=True)
    if not worst:
        return []
    which = "the farthest: " if len(worst) > LISTED else ""
    named = ", ".join(f"{name} ({mae:.2f})" for mae, name in worst[:LISTED])
    return [
        f"{counted(len(worst), 'series has', 'series have')} a larger MAE than the naive forecast, which "
        f"repeats the last value: {which}{named}, in units of its MAE."
    ]


def compare_with_floor(metrics: ForecastMetrics) -> list[str]:
    """Whether the network is worth its seconds beside the simple model."""
    if FLOOR not in metrics["advantage"]:
        return []
    one, alone = metrics["advantage"][FLOOR], metrics["baselines"][FLOOR]
    both, single, error = metrics["mae"], alone["mae"], "MAE"
    if "series" in metrics and metrics["mase"] is not None and alone["mase"] is not None:
        both, single, error = metrics["mase"], alone["mase"], "MASE"
    if abs(one["share"]) < ROUNDING:
        return ["The network adds nothing: these are the forecasts of the simple model alone."]
    noise = one["noise"]
    chance = "too few windows to tell whether by chance" if noise is None else f"+- {noise:.1%}"
    smaller = "smaller" if one["share"] > 0 else "larger"
    return [
        f"The network with the simple model: {error} {both:.4g}; the simple model alone: {single:.4g} "
        f"(the network's is {abs(one['share']):.1%} {smaller}; {chance})."
    ]


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
