import csv
import io
import json
import math

import numpy as np
import pytest

import unroll
from unroll.errors import UserError
from unroll.inspect import predictions_of_run
from unroll.inspect.aligned_rows import aligned_pairs, pair
from unroll.inspect.predictions import aligned_records, row_lines
from unroll.tasks.pictures import ClassifiedRecords, Forecasts, SeriesForecast
from unroll.training.report import QuietReport

TEXT = "A rose (white) grew"


def test_next_characters_are_those_of_the_run(language):
    found = predictions_of_run(language, TEXT)
    (row,) = found.rows
    assert "".join(p.actual for p in row.pairs) == TEXT
    scored = language.score(TEXT)["tokens"]
    for k, p in enumerate(row.pairs):
        assert math.log(p.probability) == pytest.approx(scored[k]["log_probability"], abs=1e-4)
        if k:
            assert p.predicted == language.next(TEXT[:k], 1)[0]["token"]
    facts = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert facts["of"] == len(TEXT) and facts["right"] == sum(p.state == "right" for p in row.pairs)


def test_every_task_of_the_fixtures(language, classifier, tagger, translator):
    for run, what in (
        (language, "next characters"), (classifier, "labels of texts"), (tagger, "tags"),
        (translator, "words"),
    ):  # fmt: skip
        found = predictions_of_run(run)
        assert what in found.sentence() and len(found.pairs) >= 5
        assert "actual" in found.text() and json.dumps(found.as_dict(), allow_nan=False)
        picture = found.picture()
        assert picture.draw().svg().startswith("<svg")
        assert len(list(csv.reader(io.StringIO(picture.csv())))) == len(found.pairs) + 1
        page = found.html()
        assert page.count('class="pairs') == len(found.rows) and "<table>" in found._repr_html_()


def test_tags_are_those_of_predict(tagger):
    found = predictions_of_run(tagger)
    row = found.rows[0]
    assert [p.predicted for p in row.pairs] == tagger.predict([[p.read for p in row.pairs]])[0][
        "tags"
    ]


def test_numbers_stand_beside_numbers():
    series = SeriesForecast(
        "sales", ["1", "2", "3", "4"], [1.0, 2.0], [3.0, 9.0], [3.5, 4.0], [2.5, 3.0], [4.5, 5.0], 2
    )
    rows, what, _, numbers = aligned_records(Forecasts("y", 0.8, 0.5, [series], {}, {}, 1))
    assert what == "values" and [p.state for p in rows[0].pairs] == ["right", "wrong"]
    assert [(p.read, p.actual, p.predicted) for p in rows[0].pairs] == [
        ("3", "3", "3.5"),
        ("4", "9", "4"),
    ]
    assert numbers["sales"].tolist() == [[3.0, 3.5], [9.0, 4.0]]


def test_labels_with_the_probability_of_the_actual_one():
    made = ClassifiedRecords(
        ["neg", "pos"],
        np.array([[0.9, 0.1], [0.3, 0.7]]),
        np.array([1, -1]),
        ["a", "b"],
        "texts",
        2,
    )
    (first, second), *_ = aligned_records(made)
    assert (first.pairs[0].actual, first.pairs[0].predicted, first.pairs[0].probability) == (
        "pos",
        "neg",
        0.1,
    )
    assert second.pairs[0].actual == "(no class of the run)"


def test_lines_for_a_terminal():
    lines = row_lines(aligned_pairs("the cat sat".split(), "the dog".split()), True)
    assert lines == ["  the cat sat", "  the     dog", "      ^^^ ^^^"]
    letters = [pair("a", "a", 0.95), pair("b", "c", 0.03)]
    assert row_lines(letters, False) == ["  ab", "  ac", "  90"]
    assert len(row_lines([pair("word", "word")] * 40, True)) == 9


def test_what_cannot_be_shown(language, classifier, monkeypatch):
    with pytest.raises(UserError, match=r"characters? (that|.@|.x)|character"):
        predictions_of_run(language, "xyz@")
    monkeypatch.setattr("unroll.inspect.predictions.own_data", lambda run: None)
    with pytest.raises(UserError, match="does not exist any more"):
        predictions_of_run(classifier)


def test_lines_are_those_that_were_not_trained_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{'ab' * (k % 5 + 1)}\n" for k in range(60)]
    (tmp_path / "lines.txt").write_text("".join(lines))
    run = unroll.train(
        "lines.txt", per_line=True, steps=2, hidden=4, threads=1, floor="none", report=QuietReport()
    )
    found = predictions_of_run(run)
    texts = ["".join(p.actual for p in row.pairs) for row in found.rows]
    assert texts == [line.strip() for line in lines[9::10]]
