import pytest

from unroll.errors import UserError
from unroll.inspect import report_of_run, results_of_run
from unroll.inspect.report import told_of_results


def test_the_pictures_say_what_the_metrics_say(classifier):
    ((name, found),) = results_of_run(classifier).parts.items()
    result = classifier.result()
    assert name == "classes" and found.accuracy() == pytest.approx(result["accuracy"])
    assert [row[1] for row in found.by_class()] == [sum(row) for row in result["confusion"]]


def test_the_report_begins_with_them(classifier):
    found = report_of_run(classifier)
    assert found.parts[0][0] == "classes" and "classes confusion" in found.pictures()


def test_data_that_is_gone_is_told(classifier, monkeypatch):
    monkeypatch.setitem(classifier.config["data"], "path", "gone.csv")
    with pytest.raises(
        UserError, match=r"gone\.csv, the data of .* does not exist any more\. Give DATA"
    ):
        results_of_run(classifier)


def test_all_parts_are_one_page(language):
    found = results_of_run(language)
    assert list(found.parts) == ["text"] and found.title == "Results of language"
    assert set(found.pictures()) == {"text loss", "text surprise"}
    assert "What surprises it" in found.html() and "what surprises it" in found._repr_html_()
    assert found.as_dict()["parts"]["text"]["samples"] and found.table()[1][0] == "text"
    assert found.text() == found.parts["text"].text()


def test_progress_is_a_part_of_the_report():
    told = []
    told_of_results(told.append)("read: 40%")
    assert told == ["the validation set", "the validation set (read: 40%)"]
    assert told_of_results(None)("read: 40%") is None
