"""TagSpan schemes: read, written, converted, detected."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.tasks.tag.schemes import (
    LETTERS,
    TagSpan,
    allowed_transitions,
    convert_tags,
    detect_scheme,
    find_spans,
    may_follow,
    scheme_labels,
    spans_to_tags,
)

TYPES = ("per", "loc", "creative-work")


@st.composite
def sentences(draw):
    """Spans that do not overlap, and the length of their sentence."""
    found, at = [], 0
    for _ in range(draw(st.integers(0, 5))):
        start = at + draw(st.integers(0, 2))
        at = start + draw(st.integers(1, 4))
        found.append(TagSpan(start, at, draw(st.sampled_from(TYPES))))
    return found, at + draw(st.integers(0, 3))


@given(sentences(), st.sampled_from(list(LETTERS)))
def test_spans_come_back_from_every_scheme(sentence, scheme):
    found, length = sentence
    tags = spans_to_tags(found, length, scheme)
    assert len(tags) == length
    assert find_spans(tags) == found
    around = ["O", *tags, "O"]
    assert all(may_follow(a, b, scheme) for a, b in itertools.pairwise(around))


@given(sentences(), st.sampled_from(list(LETTERS)), st.sampled_from(list(LETTERS)))
def test_schemes_convert_into_each_other(sentence, one, other):
    tags = spans_to_tags(*sentence, one)
    assert convert_tags(convert_tags(tags, other), one) == tags


@given(st.lists(st.sampled_from(["O", "B-a", "I-a", "E-a", "S-a", "B-b", "I-b"]), max_size=8))
def test_any_tags_are_read_as_some_spans(tags):
    found = find_spans(tags)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    covered = {k for span in found for k in range(span.start, span.end)}
    assert covered == {k for k, tag in enumerate(tags) if tag != "O"}


def test_a_type_may_be_left_out_or_hold_a_dash():
    assert find_spans(["B", "I", "O", "B"]) == [TagSpan(0, 2, ""), TagSpan(3, 4, "")]
    assert spans_to_tags([TagSpan(0, 2, "")], 3, "BIOES") == ["B", "E", "O"]
    assert find_spans(["B-creative-work", "I-creative-work"]) == [TagSpan(0, 2, "creative-work")]


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("BIO", ["B-a", "I-a", "O", "B-b"]),
        ("BIO", ["B-a", "B-a"]),
        ("IOB1", ["I-a", "B-a", "O"]),
        ("IOB1", ["O", "I-a", "I-a"]),
        ("BIOES", ["S-a", "B-b", "E-b"]),
        ("BILOU", ["U-a", "B-b", "L-b"]),
        ("BMES", ["B", "M", "E", "S"]),
    ],
)
def test_schemes_are_detected(scheme, tags):
    found = detect_scheme([tags])
    assert found.name == scheme
    assert found.irregular == 0


@pytest.mark.parametrize(
    "tags", [["NOUN", "VERB"], ["O", "O"], ["B-a", "X-a"], ["B", "I-a"], ["O-a", "B-a"], []]
)
def test_other_tags_are_no_spans(tags):
    assert detect_scheme([tags]).name is None


def test_tags_that_the_scheme_forbids_are_counted():
    found = detect_scheme([["B-a", "I-a"], ["B-b", "O", "I-b", "I-a"]])
    assert (found.name, found.types, found.irregular) == ("BIO", ("a", "b"), 2)


@pytest.mark.parametrize("scheme", ["BIO", "BIOES", "IOB1"])
def test_what_is_allowed_is_what_spans_can_be_written_as(scheme):
    """Every sequence of three labels is allowed where it says the same spans when it is written again."""
    labels = scheme_labels(["a", "b"], scheme)
    begin, pairs, end = allowed_transitions(labels, scheme)
    for path in itertools.product(range(len(labels)), repeat=3):
        tags = [labels[k] for k in path]
        may = (
            begin[path[0]]
            and end[path[-1]]
            and all(pairs[a, b] for a, b in itertools.pairwise(path))
        )
        assert bool(may) == (convert_tags(tags, scheme) == tags), tags


def test_without_a_scheme_all_is_allowed():
    assert all(np.all(x) for x in allowed_transitions(["NOUN", "VERB"], None))


BIO = [["B-a", "I-a", "O", "O"]] * 30


@pytest.mark.parametrize("odd", ["0", "B_a", "o", "b-a", "B-", "O-a", "S-a", "U-b", "B", "I"])
def test_one_odd_tag_does_not_hide_the_scheme(odd):
    scheme = detect_scheme([*BIO, ["O", odd]])
    assert (scheme.name, scheme.types, scheme.odd) == ("BIO", ("a",), {odd})
    assert (scheme.fitting, scheme.count) == (121, 122)


def test_many_odd_tags_are_no_mistake():
    assert detect_scheme([*BIO, ["X"] * 10]).name is None
    assert detect_scheme([["DET", "NOUN"]] * 30 + [["O"]]).name is None


@pytest.mark.parametrize("scheme", list(LETTERS))
def test_schemes_of_long_spans_have_no_odd_tag(scheme):
    spans = [TagSpan(0, 40, "a"), TagSpan(41, 42, "b"), TagSpan(42, 80, "b")]
    found = detect_scheme([spans_to_tags(spans, 90, scheme)] * 5)
    assert (found.name, found.odd, found.irregular) == (scheme, frozenset(), 0)
