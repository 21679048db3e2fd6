"""Marked spans as words with tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.errors import UserError
from unroll.tasks.tag.cells import MarkedSpan
from unroll.tasks.tag.marked_text import tagged_words


def test_spaces_around_a_span_and_spans_that_touch():
    spans = [MarkedSpan(2, 7, "x"), MarkedSpan(7, 9, "y"), MarkedSpan(2, 7, "x")]
    words, tags, split = tagged_words("to New.Yo", spans)
    assert (words, tags) == (["to", "New", ".", "Yo"], ["O", "B-x", "I-x", "B-y"])
    assert split == []


def test_a_word_is_split_where_spans_begin_and_end_in_it():
    words, tags, split = tagged_words("abcd", [MarkedSpan(1, 2, "x"), MarkedSpan(2, 3, "y")])
    assert (words, tags) == (["a", "b", "c", "d"], ["O", "B-x", "B-y", "O"])
    assert split == ["abcd"]


@given(st.text("ab .,'1", max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_all_characters_but_spaces_come_back(text, start, end):
    try:
        words, tags, _ = tagged_words(text, [MarkedSpan(start, end, "x")])
    except UserError:
        assert not 0 <= start <= end <= len(text) or not text[start:end].strip()
        return
    assert "".join(words) == "".join(text.split())
    marked = "".join(word for word, tag in zip(words, tags, strict=True) if tag != "O")
    assert marked == "".join(text[start:end].split())


@pytest.mark.parametrize(
    ("span", "expected"),
    [((0, 9, "x"), "not in the text"), ((3, 1, "x"), "not in the text"), ((1, 2, " "), "no label")],
)
def test_spans_that_cannot_be(span, expected):
    with pytest.raises(UserError, match=expected):
        tagged_words("abc", [MarkedSpan(*span)])
