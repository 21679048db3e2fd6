"""Bad records raise, or are skipped and counted."""

import pytest

from unroll.data.problems import LISTED, Problems
from unroll.errors import UserError


def test_the_first_bad_record_raises_and_names_the_flag():
    with pytest.raises(UserError, match=r"^a\.csv, line 3: no label\. \(--skip-bad skips such"):
        Problems().bad("a.csv, line 3: no label.")
    with pytest.raises(UserError, match=r"no label[.]$"):
        Problems(may_skip=False).bad("no label.")


def test_skipped_records_are_counted_and_the_first_are_quoted():
    problems = Problems(skip=True)
    assert problems.messages() == [] and problems.with_messages("Nothing is left.") == (
        "Nothing is left."
    )
    for line in range(1, LISTED + 3):
        problems.bad(f"line {line}: bad.")
    messages = problems.messages()
    assert problems.count == LISTED + 2 and messages[0] == "7 bad records are skipped:"
    assert messages[1] == "  line 1: bad." and messages[-1] == "  and 2 more."
    assert problems.with_messages("Nothing is left.").startswith("Nothing is left.\n7 bad")
