"""What the user's step calls its values."""

import unroll
from unroll.engine.explain.naming import assignments, names_of, places, statement_at

from .pages import planned


def test_values_have_the_names_of_the_assignments():
    plan = planned(unroll.LSTMCell(3, 4))
    assert {"i", "f", "g", "o", "c", "h"} <= set(names_of(plan.traced.graph).values())


def test_values_of_the_loop_are_found_in_the_step():
    plan = planned(unroll.LSTMCell(3, 4))
    names = {place.name for place in places(plan).values()}
    assert {"i", "f", "g", "o"} <= names
    assert all(place.line.startswith("lstm.py:") for place in places(plan).values())


def test_assignments_of_a_file_are_found_by_line(tmp_path):
    file = tmp_path / "step.py"
    file.write_text("a, b = 1, 2\nc = (\n    a\n)\nd.e = 3\n")
    assert assignments(str(file)) == [(1, 1, ("a", "b")), (2, 4, ("c",))]
    assert statement_at(str(file), 3) == (2, ("c",))
    assert statement_at(str(file), 5) is None
    assert statement_at("step.py", 1) is None  # not on this machine


def test_a_file_that_is_no_python_has_no_names(tmp_path):
    file = tmp_path / "step.txt"
    file.write_text("c = = 1\n")
    assert assignments(str(file)) == []
