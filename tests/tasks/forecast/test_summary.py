"""A backtest in sentences: broken promises and better baselines are named."""

from unroll.tasks.forecast.summary import compare_coverage, compare_with_baselines


def test_a_band_that_breaks_its_promise_is_named():
    result = {"coverage": 0.8, "expected_coverage": 0.95, "horizon": 1, "values": 200}
    assert "too narrow" in compare_coverage(result)[0]
    assert compare_coverage(result | {"coverage": 0.92}) == []
    assert compare_coverage(result | {"coverage": 0.85, "values": 10}) == []
    assert "too wide" in compare_coverage(result | {"expected_coverage": 0.5})[0]


def result_of(**shares):
    """Metrics in which the model is better than others by these shares of their errors."""
    return {
        "mae": 1.0,
        "mase": 0.5,
        "advantage": {name: {"share": share, "noise": 0.1} for name, share in shares.items()},
        "baselines": {name: {"mae": 1 / (1 - share)} for name, share in shares.items()},
    }


def test_the_best_naive_method_is_the_one_to_beat():
    (line,) = compare_with_baselines(result_of(naive=0.3, drift=-0.1))
    assert "does not beat the drift forecast and has a MAE that is 10.0% smaller" in line
    (line,) = compare_with_baselines(result_of(naive=0.5, drift=0.3))
    assert "beats the drift forecast, the best of the naive ones, by 30.0%" in line
    (line,) = compare_with_baselines(result_of(naive=0.05, drift=0.3))
    assert "does not clearly beat the naive forecast" in line


def test_one_line_says_whether_the_network_earns_its_seconds():
    found = result_of(**{"naive": 0.3, "simple model": 0.2})
    assert compare_with_baselines(found)[1] == (
        "The network with the simple model: MAE 1; the simple model alone: 1.25 (the network's is 20.0% "
        "smaller; +- 10.0%)."
    )
    found = result_of(**{"naive": 0.3, "simple model": 0.0})
    assert "adds nothing" in compare_with_baselines(found)[1]


def test_series_count_alike():
    series = {name: {"relative_mae": mae} for name, mae in (("a", 0.5), ("b", 1.2), ("c", None))}
    found = result_of(naive=0.3) | {"series": series, "series_won": 1}
    lines = compare_with_baselines(found)
    assert "(MASE;" in lines[0] and lines[1].startswith("1 of 3 series are forecast better")
    assert lines[2].startswith("1 series has a larger MAE") and "value: b (1.20)," in lines[2]
