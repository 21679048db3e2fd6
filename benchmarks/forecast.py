"""The forecasts of docs/results.md beside persistence and a torch.nn.GRU as a user writes it.

    python benchmarks/forecast.py SERIES [--seconds 3]

SERIES is a folder with seattle_weather, vix_daily and sp500_monthly. Forecasts are one step ahead,
for the last fifth of the times. The plain network has as many hidden units, the same batch size and
seconds, and reads the standardised values of the same columns of numbers.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unroll
from unroll.tasks.forecast.reader import read_forecast_data
from unroll.tasks.forecast.settings import ForecastSettings

ROWS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("seattle_weather/seattle-weather.csv", "temp_max", "mae",
     {"covariates": "all", "epochs": 30}),
    ("vix_daily/vix-daily.csv", "CLOSE", "mae", {"every": "row", "epochs": 5}),
    ("sp500_monthly/data.csv", "SP500", "mape", {"epochs": 20}),
]  # fmt: skip


def plain(path: str, settings: ForecastSettings, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts and truths of torch.nn.GRU with a linear layer, on standardised values."""
    data = read_forecast_data(path, settings)
    sets = data.window_sets(settings)
    train, test = sets.train.origins, sets.test.origins
    names = (data.preprocessor.target, *data.preprocessor.past_columns)
    values = data.table.series[0].values[:, [c not in data.preprocessor.words for c in names]]
    known = values[: data.train[0]]
    mean, deviation = np.nanmean(known, 0), np.nanstd(known, 0)
    x = torch.from_numpy(np.nan_to_num((values - mean) / deviation)).float()
    torch.manual_seed(settings.seed)
    network = torch.nn.GRU(x.shape[1], settings.hidden or 32, batch_first=True)
    head = torch.nn.Linear(network.hidden_size, 1)
    optimizer = torch.optim.Adam([*network.parameters(), *head.parameters()], lr=2e-3)

    def forecast(origins: np.ndarray) -> torch.Tensor:
        at = torch.from_numpy(origins)[:, None] + torch.arange(1 - data.history, 1)
        return head(network(x[at])[0][:, -1])[:, 0]

    draw, end = np.random.default_rng(settings.seed), time.perf_counter() + seconds
    while time.perf_counter() < end:
        some = draw.choice(train, min(64, len(train)), replace=False)
        loss = torch.nn.functional.mse_loss(forecast(some), x[some + 1, 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return forecast(test).numpy() * deviation[0] + mean[0], sets.test.windows.values[test + 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("series", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--seconds",
        type=float,
        help="training time of the plain network; default: as long as unroll took",
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| series | metric | persistence | torch.nn.GRU | unroll | seconds |")
    print("|---|---|---|---|---|---|")
    for name, target, metric, settings in ROWS:
        path = str(given.series / name)
        with tempfile.TemporaryDirectory() as folder:
            run = unroll.train(
                path, Path(folder) / "run", task="forecast", target=target, cell="gru",
                seed=given.seed, threads=1, quiet=True, **settings,
            )  # fmt: skip
            result = run.result()
        seconds = given.seconds or result["seconds"]
        guess, truth = plain(path, run.settings, seconds)
        error = np.abs(guess - truth)
        theirs = np.nanmean(error) if metric == "mae" else 100 * np.nanmean(error / truth)
        naive = result["baselines"]["naive"][metric]
        print(
            f"| {name.split('/')[0]}, {target} | {metric.upper()} | {naive:.4g} | {theirs:.4g} | "
            f"{result[metric]:.4g} | {result['seconds']:.1f} |"
        )


if __name__ == "__main__":
    main()
