"""The simple model in a run: from the first step on, in every figure, and after the last one."""

import numpy as np
import pytest

import unroll
from unroll.tasks.forecast.floor_data import with_floor
from unroll.tasks.forecast.reader import read_forecast_data


@pytest.fixture
def wave(place, write, noise):
    y = (5 + 2 * np.sin(0.9 * np.arange(240)) + 0.3 * noise(240)).round(4)
    return y, write(place / "wave.csv", {"y": y})


def test_a_run_of_one_step_is_the_simple_model(wave, fast):
    y, file = wave
    run = unroll.train(file, horizon=3, history=12, steps=1, refit=False, **fast)
    data = with_floor(read_forecast_data(file, run.settings), run.settings)
    windows, origins = data.window_sets(run.settings).test
    forecasts = windows.unscaled(windows.base(origins).values, origins)
    truth = y[origins[:, None] + np.arange(1, 4)]
    assert run.result()["mae"] == pytest.approx(np.abs(forecasts - truth).mean(), rel=1e-3)
    assert run.result()["mae"] < 0.5 * run.result()["baselines"]["naive"]["mae"]


def test_evaluate_and_predict_agree_and_the_run_loads_again(wave, write, place, fast):
    y, file = wave
    run = unroll.train(file, "run", horizon=2, history=12, steps=3, **fast)
    loaded = unroll.load("run")
    assert loaded.preprocessor.floor == run.preprocessor.floor
    assert loaded.evaluate(file)["mae"] == run.evaluate(file)["mae"]
    # the forecast of the run's own rows from a table of the last of them alone
    last = write(place / "last.csv", {"y": y[-1:]}, start="2024-08-27")
    (short,), (whole,) = loaded.predict_file(last), loaded.predict_file(file)
    for one, other in zip(short["forecast"], whole["forecast"], strict=True):
        assert one["time"] == other["time"]
        assert list(one["quantiles"].values()) == pytest.approx(
            list(other["quantiles"].values()), rel=1e-5
        )


def test_after_the_figures_are_made_it_learns_from_all_rows(wave, fast):
    _, file = wave
    before = unroll.train(file, "a", history=12, steps=2, refit=False, **fast)
    after = unroll.train(file, "b", history=12, steps=2, **fast)
    assert after.result()["mae"] == before.result()["mae"]
    one, other = before.preprocessor.floor, after.preprocessor.floor
    assert one.of("").parts == other.of("").parts and one.ridge != other.ridge
    found = after.evaluate(file)
    assert found["seen"] == found["forecasts"] == 240 - 13
    # a resumed run is measured with the model of the training set again
    again = unroll.train(file, "b", resume=True, steps=3, quiet=True)
    whole = unroll.train(file, "c", history=12, steps=3, refit=False, **fast)
    assert again.result()["mae"] == pytest.approx(whole.result()["mae"], rel=0.02)


def test_without_it_the_network_is_alone(wave, fast):
    _, file = wave
    run = unroll.train(file, history=12, steps=2, floor="none", **fast)
    assert run.preprocessor.floor is None and run.model.combination is None
    assert not (run.path / "floor.json").exists()


def test_a_test_table_of_its_own_is_learned_from_too(wave, write, place, fast):
    y, _ = wave
    early = write(place / "early.csv", {"y": y[:200]})
    later = write(place / "later.csv", {"y": y[200:]}, start="2024-07-19")
    run = unroll.train(early, valid=later, history=12, steps=2, **fast)
    assert run.evaluate(later)["seen"] == 40


def test_more_series_than_there_are_seconds_for_share_parameters(shops, fast):
    file = shops("ABCD")
    alone = unroll.train(file, "a", by="shop", history=12, steps=1, **fast)
    assert alone.preprocessor.floor.fitted == 24
    settings = alone.settings.model_copy(update={"seconds": 5.0})
    parameters = {}
    for name, given in (("own", alone.settings), ("shared", settings)):
        data = with_floor(read_forecast_data(file, given), given)
        floors = [one.smoothing[0] for one in data.preprocessor.floor.series.values()]
        parameters[name] = {(one.form, one.parameters) for one in floors}
    assert len(parameters["own"]) == 4
    forms = {form for form, _ in parameters["shared"]}
    assert len(parameters["shared"]) == len(forms)
    # a resumed run with another budget has the simple model that it had
    data = read_forecast_data(file, settings, alone.preprocessor)
    assert with_floor(data, settings).preprocessor.floor.fitted == 24
