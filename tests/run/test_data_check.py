"""Data is looked at as training would read it."""

import pytest

from unroll.errors import UserError
from unroll.run import check, describe_check


def test_it_names_the_task_and_what_was_guessed(place):
    messages = []
    facts = check("poems.txt", messages.append)
    assert facts["task"] == "language"
    assert "read for the task language (--task)" in messages[0]
    with pytest.raises(UserError, match="--horizon is a setting of the task forecast"):
        check("poems.txt", messages.append, task="language", horizon=3)


def test_facts_are_lines_and_problems_a_line_each():
    facts = {
        "rows": 1200,
        "mean_length": 3.14159,
        "labels": {"a": 1, "b": [2, True]},
        "guessed": [],
        "problems": ["line 3 is bad", "line 7 is bad"],
    }
    assert describe_check(facts) == [
        "rows: 1,200",
        "mean length: 3.142",
        "labels: a 1, b 2, yes",
        "guessed: none",
        "problems:",
        "  line 3 is bad",
        "  line 7 is bad",
    ]
    assert describe_check({"problems": [], "scheme": None}) == ["problems: none", "scheme: none"]
    assert describe_check({"messages": ["One.", "Two."]}) == ["messages:", "  One.", "  Two."]
