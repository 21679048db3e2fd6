"""One line of JSON a measurement, whatever is measured and whenever it is killed."""

import json
import math

import pytest

from unroll.training.metrics_file import MetricsFile


@pytest.fixture
def metrics(tmp_path):
    return MetricsFile(tmp_path / "metrics.jsonl")


def test_lines_come_back_in_order(metrics):
    assert metrics.read() == []
    for step in range(3):
        metrics.write(step=step, loss=0.5)
    assert metrics.read() == [{"step": step, "loss": 0.5} for step in range(3)]


def test_numbers_that_are_not_finite_are_words_at_any_depth(metrics):
    metrics.write(step=1, loss=math.nan, validation={"loss": -math.inf, "bits": 2.0}, note=None)
    (text,) = metrics.path.read_text().splitlines()

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    expected = {"step": 1, "loss": "nan", "validation": {"loss": "-inf", "bits": 2.0}, "note": None}
    assert json.loads(text, parse_constant=refuse) == expected


def test_truncate_drops_what_came_after_a_step(metrics):
    for step in (1, 10, 20, 30):
        metrics.write(step=step)
    metrics.truncate(20)
    assert [line["step"] for line in metrics.read()] == [1, 10, 20]


@pytest.mark.parametrize("torn", ['{"step": 3, "lo', "{", "7", "[3]", '{"loss": 1}', "\n\n", '"'])
def test_a_line_that_was_cut_off_by_a_kill_is_skipped(metrics, torn):
    metrics.write(step=1)
    with metrics.path.open("a") as file:
        file.write(torn)
    assert metrics.read() == [{"step": 1}]
    metrics.truncate(5)
    metrics.write(step=2)
    assert metrics.path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_truncate_where_nothing_was_written_is_an_empty_file(metrics):
    metrics.truncate(5)
    assert metrics.read() == []
