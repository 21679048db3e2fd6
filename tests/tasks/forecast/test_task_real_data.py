"""Forecasts of real series, with the settings of docs/forecast.md."""

from pathlib import Path

import pytest

import unroll

DATA = Path(__file__).parents[4] / "shared" / "data" / "time_series"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.exists(), reason="there is no ../shared/data"),
]


@pytest.mark.parametrize(
    ("file", "settings", "metric", "persistence", "most"),
    [
        (
            "seattle_weather/seattle-weather.csv",
            {"target": "temp_max", "covariates": "all", "epochs": 30},
            "mae", 2.3563, 2.25,
        ),
        (
            "vix_daily/vix-daily.csv",
            {"target": "CLOSE", "every": "row", "epochs": 5},
            "mae", 1.2181, 1.02 * 1.2181,
        ),
        (
            "sp500_monthly/data.csv",
            {"target": "SP500", "epochs": 20},
            "mape", 2.8366, 1.02 * 2.8366,
        ),
    ],
)  # fmt: skip
def test_one_step_ahead(tmp_path, file, settings, metric, persistence, most):
    run = unroll.train(
        DATA / file,
        tmp_path / "run",
        task="forecast",
        cell="gru",
        threads=1,
        quiet=True,
        **settings,
    )
    result = run.result()
    assert result["baselines"]["naive"][metric] == pytest.approx(persistence, abs=1e-4)
    assert result[metric] <= most
    assert 0.9 < result["coverage"] < 0.99
    sentence = " ".join(run.summarise(result, "the last fifth"))
    assert ("does not" in sentence) == (
        result["advantage"]["naive"]["share"] <= 0
    ) or "chance" in sentence
