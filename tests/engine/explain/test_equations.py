"""Equations as text."""

import pytest

from unroll.engine.explain.equations import NamedColumns, Term, Weight, joined, text_of

from .pages import A, B, C


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (Term("mul", (Term("add", (A, B)), C)), "(a + b) * c"),
        (Term("sub", (A, Term("sub", (B, C)))), "a - (b - c)"),
        (Term("sub", (Term("sub", (A, B)), C)), "a - b - c"),
        (Term("div", (A, Term("mul", (B, C)))), "a / (b * c)"),
        (Term("mul", (A, A)), "a ** 2"),
        (Term("pow", (Term("neg", (A,)), 2)), "(-a) ** 2"),
        (Term("neg", (Term("neg", (A,)),)), "a"),
        (Term("neg", (Term("add", (A, B)),)), "-(a + b)"),
        (Term("add", (A, Term("neg", (B,)))), "a - b"),
        (Term("add", (Term("neg", (A,)), B)), "b - a"),
        (Term("add", (A, Term("mul", (Term("neg", (B,)), C)))), "a - b * c"),
        (Term("add", (A, Term("neg", (Term("add", (B, C)),)))), "a - (b + c)"),
        (Term("add", (Term("sum", (A,)), Term("sum", (B,)))), "sum(a, b)"),
        (Term("mul", (A, -0.5)), "a * -0.5"),
        (Term("turned", (Term("add", (A, B)),)), "(a + b).T"),
        (Term("tanh", (NamedColumns("p", 4, 8, 16),)), "tanh(p[4:8])"),
        (Weight("w", (0, 4), (0, 3), (4, 3), True), "w.T"),
        (Weight("w", (4, 8), (0, 3), (8, 3), True), "w[4:8].T"),
        (Weight("w", (0, 4), (1, 3), (4, 3), False), "w[:, 1:3]"),
        (Weight("w", (0, 2), (1, 3), (4, 3), False), "w[0:2, 1:3]"),
    ],
    ids=str,
)
def test_terms_have_the_brackets_they_need(term, text):
    assert text_of(term) == text


def test_terms_are_joined_only_where_their_columns_lie_side_by_side():
    left, right = NamedColumns("p", 0, 4, 8), NamedColumns("p", 4, 8, 8)
    column = NamedColumns("m", 0, 1, 1)
    both = joined(Term("mul", (left, column)), Term("mul", (right, column)))
    assert text_of(both) == "p * m"
    assert joined(Term("mul", (left, A)), Term("mul", (right, A))) is None  # a is not repeated
    assert joined(Term("mul", (right, column)), Term("mul", (left, column))) is None
    assert joined(column, column) is None
