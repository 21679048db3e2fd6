"""What is sentence of the data before training, and what `unroll data check` reports."""

import pytest

import unroll
from unroll.settings import settings_from
from unroll.tasks.forecast.description import check_report
from unroll.tasks.forecast.settings import ForecastSettings


def test_a_recursive_head_says_which_columns_keep_their_last_value(
    place, capsys, write, noise, fast
):
    file = write(place / "a.csv", {"y": noise(200), "wind": noise(200, 1)})
    options = {**fast, "quiet": False}
    unroll.train(
        file, target="y", covariates="wind", head="recursive", horizon=3, steps=2, **options
    )
    assert "wind keeps its last value" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("text", "settings", "sentence"),
    [
        ("3\n" * 100, {}, ["is always 3"]),
        ("1\n2\nabc\n" + "4\n5\n" * 50, {}, ["1 time is missing", "1 bad record", "'abc'"]),
        ("1\n2\n" * 50, {"valid": "none.csv"}, ["There is no file none.csv"]),
        ("1\n2\n" * 30, {"horizon": 20, "history": 20}, ["expected at least"]),
    ],
)
def test_data_check_reports_each_problem_of_training_once(place, text, settings, sentence, write):
    file = write(place / "a.csv", {"y": text.split()})
    checked = settings_from(ForecastSettings, {"target": "y", **settings})
    problems = check_report(file, checked, print)["problems"]
    assert len(problems) == len(sentence)
    for problem, words in zip(problems, sentence, strict=True):
        assert words in problem
