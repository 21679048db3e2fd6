"""The table of a model beside its baselines."""

from unroll.tasks.comparison import comparison_table


def test_the_model_comes_first_and_columns_align():
    lines = comparison_table(0.5, {"a longer name": 0.25, "b": 0.125}, "{:5.3f}".format)
    assert lines == ["  this model     0.500", "  a longer name  0.250", "  b              0.125"]


def test_a_model_without_baselines_has_one_line():
    assert comparison_table(1, {}, str) == ["  this model  1"]
