"""Settings that were left open: their values, and sets without a window."""

from dataclasses import replace

import pytest

from unroll.cells import GRUCell
from unroll.errors import UserError
from unroll.tasks.forecast.defaults import check_window_sets, resolve, resolve_sizes
from unroll.tasks.forecast.reader import read_forecast_data
from unroll.tasks.forecast.settings import ForecastSettings


def resolved(path, **options):
    settings = resolve_sizes(ForecastSettings(**options), GRUCell)
    data = read_forecast_data(path, settings)
    return resolve(settings, data), data


def test_open_settings_get_their_values(place, write, noise):
    file = write(place / "a.csv", {"y": noise(200), "x": noise(200, 1)})
    settings, data = resolved(file, target="y", covariates="x")
    assert (settings.hidden, settings.loss, settings.batch_size) == (32, "quantile", 64)
    assert (settings.time, settings.season, settings.history) == ("day", 7, data.history)
    assert settings.relative_to in ("last", "season") and settings.embedding is None
    assert resolved(file, target="y", readout="ridge")[0].loss == "mse"
    assert resolved(file, target="y", optimizer="sgd")[0].learning_rate == 0.03


def test_a_set_without_a_window_is_named(place, write):
    file = write(place / "a.csv", {"y": [0.0, 1.0] * 30})
    settings = ForecastSettings(horizon=10, history=20)
    data = read_forecast_data(file, settings)
    check_window_sets(data, settings)
    with pytest.raises(UserError, match="no window in the validation set with a history of 20"):
        check_window_sets(replace(data, train=data.valid), settings)
