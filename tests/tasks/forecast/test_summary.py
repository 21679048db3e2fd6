"""A backtest in sentences: broken promises and better baselines are named."""

from unroll.tasks.forecast.summary import compare_coverage, compare_with_baselines


def test_a_band_that_breaks_its_promise_is_named():
    result = {"coverage": 0.8, "expected_coverage": 0.95, "horizon": 1, "values": 200}
    assert "too narrow" in compare_coverage(result)[0]
    assert compare_coverage(result | {"coverage": 0.92}) == []
    assert compare_coverage(result | {"coverage": 0.85, "values": 10}) == []
    assert "too wide" in compare_coverage(result | {"expected_coverage": 0.5})[0]


def test_beside_persistence_another_naive_way_may_be_better():
    result = {"advantage": {"naive": {"share": 0.3, "noise": 0.1},
                            "drift": {"share": -0.1, "noise": 0.1}}}  # fmt: skip
    assert compare_with_baselines(result)[1] == "The model does not beat drift."
