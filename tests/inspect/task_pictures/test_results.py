import pytest

from unroll.errors import UserError
from unroll.inspect import report_of_run, results_of_run


def test_the_pictures_say_what_the_metrics_say(classifier):
    ((name, found),) = results_of_run(classifier)
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
