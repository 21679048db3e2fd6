"""Windows: what they hold, and that nothing later than the origin is in them."""

import numpy as np
import pytest

from unroll.data.problems import Problems
from unroll.tasks.forecast.preprocessor import ForecastPreprocessor, comes_back, steadier
from unroll.tasks.forecast.series_table import Wanted, read_series
from unroll.tasks.forecast.windows import WindowBatches, Windows, filled


def table_of(path, y, other=None, **wanted):
    other = np.zeros(len(y)) if other is None else other
    days = np.datetime64("2024-01-01") + np.arange(len(y))
    rows = [
        f"{d},{'' if np.isnan(a) else repr(float(a))},{'' if np.isnan(b) else repr(float(b))}"
        for d, a, b in zip(days, y, other, strict=True)
    ]
    path.write_text("\n".join(["d,y,x", *rows]) + "\n")
    return read_series(path, Wanted(target="y", past="x", **wanted), Problems())


def learned(table, train, **options):
    options = {"season": 3, "transform": "none", "level": "yes", "calendar": True, **options}
    return ForecastPreprocessor.learn(table, [train], time_format=None, **options)


@pytest.fixture
def walk():
    return np.cumsum(np.random.default_rng(0).normal(size=60))


def test_a_window_holds_levels_changes_and_what_is_next(tmp_path, walk):
    table = table_of(tmp_path / "a.csv", walk)
    preprocessor = learned(table, 40)
    windows = Windows(table, preprocessor, history=5, horizon=2)
    mean, deviation = walk[:40].mean(), walk[:40].std()
    change = np.sqrt(np.mean(np.diff(walk[:40]) ** 2))
    batch = windows.batch(np.array([10, 20]))
    assert batch.x.shape == (5, 2, preprocessor.inputs) and batch.future.shape == (
        2,
        2,
        preprocessor.known,
    )
    x = batch.x.numpy()
    np.testing.assert_allclose(x[:, 0, 0], (walk[6:11] - mean) / deviation, atol=1e-5)
    np.testing.assert_allclose(x[:, 0, 2], np.diff(walk[5:11]) / change, atol=1e-5)
    # the last input holds the calendar of the first step to forecast
    np.testing.assert_allclose(x[-1, :, -preprocessor.known :], batch.future[0].numpy())
    np.testing.assert_allclose(batch.base.numpy()[:, 0], (walk[10] - mean) / deviation, atol=1e-5)
    y = windows.unscaled(batch.y.numpy().T, np.array([10, 20]))
    np.testing.assert_allclose(y, [walk[11:13], walk[21:23]], atol=1e-4)
    season = Windows(table, preprocessor, history=5, horizon=4, relative_to="season")
    base = season.unscaled(season.batch(np.array([10])).base.numpy().T, np.array([10]))
    np.testing.assert_allclose(base[0], walk[[8, 9, 10, 8]], atol=1e-4)


def test_scales_are_those_of_the_training_part(tmp_path, walk):
    before = learned(table_of(tmp_path / "a.csv", walk), 40).scales
    walk[40:] = 1e6
    assert learned(table_of(tmp_path / "b.csv", walk), 40).scales == before


@pytest.mark.parametrize("fill", ["interpolate", "last"])
def test_no_window_sees_past_its_origin(tmp_path, walk, fill):
    """Whatever comes after the origin, and whatever is missing before it."""
    draw = np.random.default_rng(1)
    other = draw.normal(size=60)
    for column in (walk, other):
        column[draw.choice(np.arange(1, 59), 15, replace=False)] = np.nan
    table = table_of(tmp_path / "a.csv", walk, other, missing=fill)
    preprocessor = learned(table, 40)
    options = {"history": 6, "horizon": 3, "interpolate": fill == "interpolate"}
    true = Windows(table, preprocessor, **options)
    for origin in (12, 25, 40, 50):
        planted, planted_other = walk.copy(), other.copy()
        planted[origin + 1 :] = 1e3 + np.arange(len(walk) - origin - 1)
        planted_other[origin + 1 :] = -1e3
        later = table_of(tmp_path / "b.csv", planted, planted_other, missing=fill)
        false = Windows(later, preprocessor, **options)
        a, b = (each.batch(np.array([origin])) for each in (true, false))
        for name in ("x", "future", "base", "last", "scale"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
        assert not np.array_equal(a.y, b.y)


def test_a_line_is_drawn_only_when_both_ends_are_known(tmp_path):
    y = np.array([0.0, 1, 2, 3, np.nan, 5, 6, 7, 8, 9, 10, 11])
    table = table_of(tmp_path / "a.csv", y, missing="interpolate")
    windows = Windows(table, learned(table, 10), history=3, horizon=1, interpolate=True)
    for origin, expected in ((4, 3.0), (5, 4.0), (6, 4.0)):
        x = windows.batch(np.array([origin])).x.numpy()
        level = windows.unscaled(x[:, 0, 0][None], np.array([origin]))[0]
        assert level[4 - (origin - 2)] == pytest.approx(expected, abs=1e-4)
    assert windows.batch(np.array([3])).tokens == 0  # nothing to learn from a value that is missing


def test_fills_by_hand():
    held, line, after = filled(np.array([[np.nan], [2.0], [np.nan], [4.0], [np.nan]]))
    assert held[:, 0].tolist() == [0, 2, 2, 4, 4]
    assert line[:, 0].tolist() == [0, 2, 3, 4, 4]
    assert after[:, 0].tolist() == [1, 1, 3, 3, 4]


def test_parts_share_no_step_to_forecast(tmp_path, walk):
    table = table_of(tmp_path / "a.csv", walk)
    windows = Windows(table, learned(table, 42), history=5, horizon=3)
    ahead = np.arange(1, 4)
    train, valid, test = (
        set((windows.origins(b, e)[:, None] + ahead).ravel().tolist())
        for b, e in ((None, [42]), ([42], [48]), ([48], None))
    )
    assert max(train) == 41 and valid == set(range(42, 48)) and test == set(range(48, 60))


def test_batches_depend_on_seed_and_number_alone(tmp_path, walk):
    table = table_of(tmp_path / "a.csv", walk)
    windows = Windows(table, learned(table, 42), history=5, horizon=3)
    origins = windows.origins()
    one, two = (WindowBatches(windows, origins, 8, seed=4) for _ in range(2))
    for number in (0, 9, 3):
        two.batch(17)
        np.testing.assert_array_equal(one.batch(number).x, two.batch(number).x)
    epoch = np.concatenate([one.batch(n).last for n in range(one.per_epoch)])
    whole = windows.batch(origins).last.numpy()
    np.testing.assert_array_equal(np.sort(epoch), np.sort(whole))


def test_ratios_are_found_where_they_are_steadier(walk):
    assert not steadier([12 + np.abs(walk)])
    assert steadier([np.exp(0.2 * walk)])


def test_a_level_that_comes_back_is_told_from_one_that_wanders():
    draw = np.random.default_rng(0).normal(size=500)
    back = np.zeros(500)
    for t in range(1, 500):
        back[t] = 0.8 * back[t - 1] + draw[t]
    assert comes_back([back]) and not comes_back([np.cumsum(draw)])


def test_words_that_were_not_learned_are_no_words(tmp_path):
    days = np.datetime64("2024-01-01") + np.arange(40)
    sky = ["sun", "rain"] * 15 + ["hail"] * 10
    text = "\n".join(f"{d},{k % 7},{s}" for k, (d, s) in enumerate(zip(days, sky, strict=True)))
    (tmp_path / "a.csv").write_text("d,y,sky\n" + text + "\n")
    table = read_series(tmp_path / "a.csv", Wanted(target="y", past="sky"), Problems())
    preprocessor = learned(table, 30, calendar=False)
    assert preprocessor.words == {"sky": ["rain", "sun"]}
    x = Windows(table, preprocessor, history=4, horizon=1).batch(np.array([31])).x.numpy()[:, 0]
    assert x[:, 1:3].tolist() == [[0, 1], [1, 0], [0, 0], [0, 0]]


def test_a_codec_comes_back_from_its_file(tmp_path, walk):
    preprocessor = learned(table_of(tmp_path / "a.csv", walk), 40)
    for name, content in preprocessor.files().items():
        (tmp_path / name).write_bytes(content)
    assert ForecastPreprocessor.load(tmp_path) == preprocessor
