import json

import numpy as np
import pytest

from unroll.inspect.task_pictures.classes import class_results
from unroll.tasks.pictures import ClassifiedRecords

P = np.array([[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.2, 0.8, 0.0], [0.1, 0.75, 0.15]])


def found(p=P, targets=(0, 1, 1, 2), classes=("ham", "spam", "other")):
    names = [f"text {n}" for n in range(len(p))]
    records = ClassifiedRecords(list(classes), p, np.array(targets), names, "texts", len(p))
    return class_results(records, "it", {"run": "run"})


def test_what_is_confused_is_counted_by_hand():
    finding = found()
    assert finding.accuracy() == 0.5
    assert finding.confusion() == [("spam", "ham", 1), ("other", "spam", 1)]
    assert finding.by_class() == [("ham", 1, 1, 2), ("spam", 2, 1, 2), ("other", 1, 0, 0)]
    assert finding.mistakes() == [
        ("text 3", "other", "spam", 0.75), ("text 1", "spam", "ham", 0.6),
    ]  # fmt: skip
    said = [(round(p, 3), right, n) for p, right, n in finding.bins()]
    assert said == [(0.6, 0.0, 1), (0.75, 0.0, 1), (0.8, 1.0, 1), (0.9, 1.0, 1)]
    assert finding.sentences()[0] == "50.0% right: 2 of 4 texts."
    assert json.dumps(finding.as_dict(), allow_nan=False)


def test_every_picture_is_drawn_in_every_form():
    finding = found()
    for name in ("confusion", "reliability", "classes"):
        assert finding.svg(name).startswith("<svg") and finding.png(name)[:4] == b"\x89PNG"
        assert finding.csv(name).count("\n") >= 2
    assert ">1</text>" in finding.svg("confusion")
    assert "text 3" in finding.text() and "text 3" in finding.html()
    assert "spam 75%" in finding.section().parts["examples"]


def test_of_many_classes_the_most_confused_pairs_are_drawn():
    p = np.eye(12)[[1, 1, 2]]
    finding = found(p, [0, 0, 2], [f"c{n}" for n in range(12)])
    assert "c0 as c1" in finding.svg("confusion")


def test_records_of_several_classes_count_each_decision():
    p = np.array([[0.9, 0.2], [0.6, 0.7]])
    finding = found(p, [[True, False], [False, True]], ("a", "b"))
    assert finding.confusion() == [("not a", "a", 1)] and finding.accuracy() == 0.5
    assert finding.mistakes() == [("text 1", "not a", "a", pytest.approx(0.6))]
    assert finding.by_class() == [("a", 1, 1, 2), ("b", 1, 1, 1)]
    assert "a as b" not in finding.svg("confusion")


def test_a_label_that_is_no_class_counts_as_wrong():
    finding = found(targets=(0, 1, 1, -1))
    assert finding.accuracy() == 0.5 and finding.mistakes()[0][1] == "no class of the run"
