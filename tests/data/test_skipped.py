"""A skipped record is reported in the place of its prediction."""

import pytest

from unroll.data.skipped import SkippedRecord, records_and_problems
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
