import numpy as np
import pytest

import unroll
from unroll.tasks.forecast.pictures import OWN, shown_forecasts


def test_errors_are_those_of_the_metrics_and_forecasts_follow_each_other(write, noise, fast):
    y = 5 + np.sin(np.arange(200) * 2 * np.pi / 7) + noise(200) / 5
    path = write("y.csv", {"y": y.round(4)})
    run = unroll.train(path, "run", target="y", horizon=3, history=14, steps=2, refit=False, **fast)
    data = run.task.read(path, run.recorded, print, run.preprocessor)
    (found,) = shown_forecasts(run.trained, data, lambda share: None)
    result = run.result()
    assert list(found.errors[OWN]) == pytest.approx(result["mae_of_steps"])
    assert found.covered == pytest.approx(result["coverage"]) and found.relative == {}
    (one,) = found.series
    assert len(one.actual) == len(one.middle) == 3 * 13 and one.steps == 3
    assert one.history + one.actual == pytest.approx(y[-len(one.times) :].round(4).tolist())
    assert all(
        low <= middle <= high
        for low, middle, high in zip(one.low, one.middle, one.high, strict=True)
    )
    asked = y[: len(y) - 3].round(4)
    said = run.predict_file(write("before.csv", {"y": asked}))
    steps = next(iter(said))["forecast"]
    assert [step["value"] for step in steps] == pytest.approx(one.middle[-3:], rel=1e-4)
    assert steps[0]["time"] == one.times[-3]


def test_of_several_series_each_has_its_error_beside_naive(tmp_path, noise, fast):
    rows = ["day,shop,y"]
    for shop in range(6):
        days = np.datetime64("2024-01-01") + np.arange(120)
        values = 10 * shop + np.sin(np.arange(120)) + noise(120, shop)
        rows += [f"{day},shop {shop},{v:.3f}" for day, v in zip(days, values, strict=True)]
    (tmp_path / "shops.csv").write_text("\n".join(rows) + "\n")
    run = unroll.train(
        "shops.csv", "run", target="y", by="shop", horizon=1, history=8, steps=2, **fast
    )
    data = run.task.read("shops.csv", run.recorded, print, run.preprocessor)
    (found,) = shown_forecasts(run.trained, data, lambda share: None)
    assert len(found.series) == 4 and len(found.relative) == 6
    ratios = [found.relative[one.name] for one in found.series]
    assert ratios == sorted(ratios)
