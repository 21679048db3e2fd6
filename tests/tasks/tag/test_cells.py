"""Lists and spans in cells, as different programs write them."""

import pytest

from unroll.tasks.tag.cells import as_spans, as_tags, as_tokens, parsed_cell


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('["New", "it\'s"]', ["New", "it's"]),
        ("['New', \"it's\"]", ["New", "it's"]),
        ("['New' \"it's\"]", ["New", "it's"]),
        ("['New' ',' '[']", ["New", ",", "["]),
        ("[3 0\n 7]", ["3", "0", "7"]),
        ("[3, 0]", [3, 0]),
        ("[(0, 3, 'x')]", [(0, 3, "x")]),
        ("{'entities': [(0, 3, 'x')]}", {"entities": [(0, 3, "x")]}),
        ("[not closed", "[not closed"),
        ("[[1, 2", "[[1, 2"),
        ("[(__import__('os'))]", "[(__import__('os'))]"),
        ("plain", "plain"),
        (None, None),
        (("a", "b"), ["a", "b"]),
    ],
)
def test_cells(cell, expected):
    assert parsed_cell(cell) == expected


def test_deep_and_long_cells_are_read_quickly():
    assert parsed_cell("[" * 100_000 + "]" * 100_000) is not None
    assert len(parsed_cell("['a' " * 1 + "'b' " * 100_000 + "]")) == 100_001


def test_lists_of_other_things_are_neither_words_nor_tags():
    assert as_tokens(["a", 1]) is None
    assert as_tokens("ab") is None
    assert as_tags([1, "b"]) == ["1", "b"]
    assert as_tags([True]) is None
    assert as_tags([[1]]) is None


@pytest.mark.parametrize(
    "value",
    [
        [[0, 3, "x"]],
        [(0, 3, "x", "more")],
        [{"start": 0, "end": 3, "label": "x"}],
        [{"start": 0, "end": 3, "text": "abc", "labels": ["x"], "type": ["x"]}],
        [{"start_offset": 0, "end_offset": 3, "label": "x", "id": 4}],
        {"entities": [[0, 3, "x"]]},
    ],
)
def test_spans(value):
    assert as_spans(value) == [(0, 3, "x")]


@pytest.mark.parametrize("value", [None, "x", [1], [[0, 3]], [[0.5, 3, "x"]], [{"start": 0}], {}])
def test_no_spans(value):
    assert as_spans(value) is None
