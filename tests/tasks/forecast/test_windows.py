"""Windows: what they hold, and that nothing later than the origin is in them."""

import numpy as np
import pytest

from unroll.tasks.forecast.windows import ForecastWindows, WindowBatches


def test_a_window_holds_levels_changes_and_what_is_next(walk, table_of, learned):
    table = table_of(walk)
    preprocessor = learned(table, 40)
    windows = ForecastWindows(table, preprocessor, history=5, horizon=2)
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
    season = ForecastWindows(table, preprocessor, history=5, horizon=4, relative_to="season")
    base = season.unscaled(season.batch(np.array([10])).base.numpy().T, np.array([10]))
    np.testing.assert_allclose(base[0], walk[[8, 9, 10, 8]], atol=1e-4)


@pytest.mark.parametrize("fill", ["interpolate", "last"])
def test_no_window_sees_past_its_origin(walk, fill, table_of, learned):
    """Whatever comes after the origin, and whatever is missing before it."""
    draw = np.random.default_rng(1)
    other = draw.normal(size=60)
    for column in (walk, other):
        column[draw.choice(np.arange(1, 59), 15, replace=False)] = np.nan
    table = table_of(walk, other, missing=fill)
    preprocessor = learned(table, 40)
    options = {"history": 6, "horizon": 3, "interpolate": fill == "interpolate"}
    true = ForecastWindows(table, preprocessor, **options)
    for origin in (12, 25, 40, 50):
        planted, planted_other = walk.copy(), other.copy()
        planted[origin + 1 :] = 1e3 + np.arange(len(walk) - origin - 1)
        planted_other[origin + 1 :] = -1e3
        later = table_of(planted, planted_other, missing=fill)
        false = ForecastWindows(later, preprocessor, **options)
        a, b = (each.batch(np.array([origin])) for each in (true, false))
        for name in ("x", "future", "base", "last", "scale"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
        assert not np.array_equal(a.y, b.y)


def test_a_line_is_drawn_only_when_both_ends_are_known(table_of, learned):
    y = np.array([0.0, 1, 2, 3, np.nan, 5, 6, 7, 8, 9, 10, 11])
    table = table_of(y, missing="interpolate")
    windows = ForecastWindows(table, learned(table, 10), history=3, horizon=1, interpolate=True)
    for origin, expected in ((4, 3.0), (5, 4.0), (6, 4.0)):
        x = windows.batch(np.array([origin])).x.numpy()
        level = windows.unscaled(x[:, 0, 0][None], np.array([origin]))[0]
        assert level[4 - (origin - 2)] == pytest.approx(expected, abs=1e-4)
    assert windows.batch(np.array([3])).tokens == 0  # nothing to learn from a value that is missing


def test_parts_share_no_step_to_forecast(walk, table_of, learned):
    table = table_of(walk)
    windows = ForecastWindows(table, learned(table, 42), history=5, horizon=3)
    ahead = np.arange(1, 4)
    train, valid, test = (
        set((windows.origins(b, e)[:, None] + ahead).ravel().tolist())
        for b, e in ((None, [42]), ([42], [48]), ([48], None))
    )
    assert max(train) == 41 and valid == set(range(42, 48)) and test == set(range(48, 60))


def test_batches_depend_on_seed_and_number_alone(walk, table_of, learned):
    table = table_of(walk)
    windows = ForecastWindows(table, learned(table, 42), history=5, horizon=3)
    origins = windows.origins()
    one, two = (WindowBatches(windows, origins, 8, seed=4) for _ in range(2))
    for number in (0, 9, 3):
        two.batch(17)
        np.testing.assert_array_equal(one.batch(number).x, two.batch(number).x)
    epoch = np.concatenate([one.batch(n).last for n in range(one.per_epoch)])
    whole = windows.batch(origins).last.numpy()
    np.testing.assert_array_equal(np.sort(epoch), np.sort(whole))
