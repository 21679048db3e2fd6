"""The lines of a page."""

from unroll.engine.explain.equations import NamedColumns, Term
from unroll.engine.explain.layout import Layout, Line, merged, wrapped


def columns(name, lo, hi, width=8):
    return NamedColumns(name, lo, hi, width)


def test_equations_that_differ_in_columns_alone_are_one():
    lines = [
        Line(columns("a", lo, lo + 4), Term("tanh", (columns("x", lo, lo + 4),)), "B")
        for lo in (0, 4)
    ]
    (line,) = merged(lines)
    assert line.target == columns("a", 0, 8)
    assert line.term == Term("tanh", (columns("x", 0, 8),))


def test_an_equation_that_is_read_in_between_keeps_its_place():
    first = Line(columns("a", 0, 4), Term("tanh", (columns("x", 0, 4),)), "B")
    between = Line(columns("b", 0, 8), Term("exp", (columns("a", 0, 4),)), "B")
    last = Line(columns("a", 4, 8), Term("tanh", (columns("b", 4, 8),)), "B")
    assert merged([first, between, last]) == [first, between, last]


def test_shape_note_and_line_stand_in_columns():
    lines = [
        Line(columns("h", 0, 8), columns("x", 0, 8), "B", "saved", "lstm.py:7"),
        Line(columns("bias", 0, 8), columns("w", 0, 8)),
    ]
    first, second = Layout(lines, 60).rows(lines)
    assert first.startswith("    h = x") and first.endswith("[B, 8]  saved  lstm.py:7")
    assert second.index("[8]") == first.index("[B, 8]")


def test_a_long_equation_breaks_before_a_plus():
    rows = wrapped("a = " + " + ".join(f"f{k}(x)" for k in range(20)), 40)
    assert all(len(row) <= 40 for row in rows)
    assert all(row.lstrip().startswith("+") for row in rows[1:])
