"""A skipped record is reported in the place of its prediction."""

import pytest

from unroll.data.skipped import SkippedRecord, checked, predicted_in_place, records_and_problems
from unroll.errors import UserError


def read(problems):
    problems.bad("line 1: bad.")
    yield 2
    problems.bad("line 3: bad.")
    problems.bad("line 4: bad.")


def test_problems_stand_in_the_place_of_their_records():
    found = list(records_and_problems(read, skip=True))
    assert found == ["line 1: bad.", 2, "line 3: bad.", "line 4: bad."]
    assert [isinstance(one, SkippedRecord) for one in found] == [True, False, True, True]


def test_where_nothing_is_skipped_the_first_raises():
    with pytest.raises(UserError, match="line 1: bad"):
        next(records_and_problems(read, skip=False))


def check(text):
    if not isinstance(text, str):
        raise UserError(f"Got {text}.")
    return text.upper()


def test_bad_inputs_are_skipped_in_their_place():
    assert list(checked(["a", 3, SkippedRecord("x")], check, skip=True)) == ["A", "Got 3.", "x"]
    with pytest.raises(UserError, match=r"Got 3\."):
        list(checked(["a", 3], check, skip=False))


def test_predictions_stand_in_the_place_of_their_inputs():
    bad = SkippedRecord("bad")

    def predict_ahead(good):
        return [each.upper() for each in list(good)]

    for inputs in ([bad, "a", bad, bad, "b", bad], [bad], [], ["a"]):
        found = list(predicted_in_place(inputs, predict_ahead))
        assert found == [each if each is bad else each.upper() for each in inputs]
