import json
import math

from unroll.inspect.task_pictures.forecasts import forecast_results
from unroll.tasks.pictures import Forecasts, SeriesForecast


def found(horizon=2, relative=None):
    one = SeriesForecast(
        name="north",
        times=[f"day {n}" for n in range(6)],
        history=[1.0, math.nan],
        actual=[2.0, 9.0, math.nan, 3.0],
        middle=[2.5, 2.5, 3.0, 3.0],
        low=[1.0, 1.0, 2.0, 2.0],
        high=[4.0, 4.0, 5.0, 5.0],
        steps=horizon,
    )
    errors = {"this run": [1.0, 2.0], "naive": [2.0, 4.0], "simple model": [1.0, math.nan]}
    errors = {name: each[:horizon] for name, each in errors.items()}
    return forecast_results(Forecasts("y", 0.9, 0.8, [one], errors, relative or {}, 7), "it", {})


def test_a_forecast_is_told_beside_the_best_naive_one():
    finding = found(relative={"north": 0.5, "south": 1.5})
    assert finding.sentences() == [
        "Off by 1.5 on average: 50% less than the best naive forecast (naive, 3), over 7 forecasts.",
        "The band of 90% holds 80% of the values.",
        "1 of 2 series are forecast worse than by naive.",
    ]
    assert finding.table()[2] == ["2", "2", "4", "-"]
    assert list(finding.pictures()) == ["forecast", "errors", "series"]
    svg = finding.svg("forecast")
    assert "day 3: 9, outside the band" in svg and svg.count('class="area') == 2 + 1
    for name in finding.pictures():
        assert finding.png(name)[:4] == b"\x89PNG" and finding.csv(name)
    assert json.dumps(finding.as_dict(), allow_nan=False) and "day 5" in finding.text()


def test_a_single_step_is_drawn_as_wide_as_a_step():
    finding = found(horizon=1)
    assert "one step" in finding.svg("errors") and finding.svg("forecast").count('class="area') == 5
