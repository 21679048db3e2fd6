"""What a forecaster would have said, step by step through a series, against what came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from unroll.errors import UserError
from unroll.tasks.forecast.baselines import naive_forecasts
from unroll.tasks.forecast.metrics import advantage, point_errors, quantile_errors
from unroll.tasks.forecast.network import Forecaster
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import WindowBatch, Windows

ROWS = 512  # windows that are read at once
LISTED = 100  # anomalies in a result


def backtest(
    network: Forecaster,
    windows: Windows,
    origins: np.ndarray,
    settings: ForecastSettings,
    device: torch.device,
    watch: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Forecasts from these origins against what came, beside those of naive ways."""
    table = windows.table
    quantiles = forecast(network, windows, origins, device, watch)
    middle = quantiles[..., settings.levels.index(0.5)]
    truth = windows.values[origins[:, None] + np.arange(1, settings.horizon + 1)]
    if np.isnan(truth).all():
        raise UserError(f"{table.name} has no known value to compare a forecast with.")
    of = windows.of[origins]
    until = np.array([windows.preprocessor.until.get(one.name, -np.inf) for one in table.series])
    scale = windows.naive_error[of]
    since = origins - windows.starts[of] + windows.earlier[of]
    naive = naive_forecasts(
        windows.filled, origins, windows.first_values[of], since, settings.horizon,
        windows.preprocessor.season,
    )  # fmt: skip
    outside = anomalies(windows, origins, quantiles, truth, settings.horizon)
    found: dict[str, Any] = {
        **point_errors(middle, truth, scale),
        **quantile_errors(quantiles, truth, settings.levels),
        "forecasts": len(origins),
        "values": int((~np.isnan(truth)).sum()),
        "horizon": settings.horizon,
        "season": windows.preprocessor.season,
        "target": windows.preprocessor.target,
        "baselines": {name: point_errors(one, truth, scale) for name, one in naive.items()},
        "advantage": {
            name: {"share": share, "noise": noise}
            for name, one in naive.items()
            for share, noise in [advantage(middle, one, truth)]
        },
        "anomalies_found": len(outside),
        "anomalies": outside[:LISTED],
    }
    if seen := int((windows.times[origins + 1] <= until[of]).sum()):
        found["seen"] = seen  # forecasts of steps that weights were learned or chosen by
    if settings.horizon > 1:
        known = (~np.isnan(truth)).sum(0)
        sums = np.nansum(np.abs(middle - truth), 0)
        found["mae_of_steps"] = [
            float(s / n) if n else None for s, n in zip(sums, known, strict=True)
        ]
    if len(table.series) > 1:
        found["series"] = {
            table.series[k].name: point_errors(middle[of == k], truth[of == k], scale[of == k])
            for k in np.unique(of)
            if not np.isnan(truth[of == k]).all()
        }
        new = [one.name for one in table.series if one.name not in windows.preprocessor.scales]
        found["new_series"] = len(new)
    return found


def anomalies(
    windows: Windows, origins: np.ndarray, quantiles: np.ndarray, truth: np.ndarray, horizon: int
) -> list[dict[str, Any]]:
    """Values outside the band that the forecast one step before them gave, the farthest first."""
    low, high, value = quantiles[:, 0, 0], quantiles[:, 0, -1], truth[:, 0]
    width = np.maximum(high - low, 1e-12)
    beyond = np.maximum(low - value, value - high) / width
    rows = np.flatnonzero(beyond > 0)
    table = windows.table
    return [
        {
            **({"series": table.series[windows.of[origins[k]]].name} if table.by else {}),
            "time": table.at(windows.times[origins[k] + 1]),
            "value": float(value[k]),
            "low": float(low[k]),
            "high": float(high[k]),
        }
        for k in rows[np.argsort(-beyond[rows], kind="stable")]
    ]


@torch.no_grad()
def forecast(
    network: Forecaster,
    windows: Windows,
    origins: np.ndarray,
    device: torch.device,
    watch: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Quantiles [N, K, Q] of the steps after each origin, in the target's own unit."""
    network.eval()
    found = []
    for k, batch in enumerate(chunks(windows, origins)):
        found.append(network.quantiles(batch.to(device)).cpu().double().numpy().transpose(1, 0, 2))
        if watch is not None:
            watch(min(1.0, (k + 1) * ROWS / len(origins)))
    return windows.unscaled(np.concatenate(found), origins)


def chunks(windows: Windows, origins: np.ndarray) -> Iterator[WindowBatch]:
    """Windows in order, ROWS at a time."""
    for at in range(0, len(origins), ROWS):
        yield windows.batch(origins[at : at + ROWS])
