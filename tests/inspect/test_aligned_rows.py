import pytest

from unroll.inspect.aligned_rows import ADDED, MISSING, RIGHT, WRONG, aligned_pairs, pair, parts_of


def edits(actual, predicted):
    """Levenshtein's distance, by his recursion."""
    if not actual or not predicted:
        return len(actual) + len(predicted)
    if actual[0] == predicted[0]:
        return edits(actual[1:], predicted[1:])
    return 1 + min(
        edits(actual[1:], predicted), edits(actual, predicted[1:]), edits(actual[1:], predicted[1:])
    )


@pytest.mark.parametrize(
    ("actual", "predicted"),
    [
        ("kitten", "sitting"),
        ("", "ab"),
        ("ab", ""),
        ("abc", "abc"),
        ("flaw", "lawn"),
        ("aab", "baa"),
    ],
)
def test_the_alignment_has_the_fewest_changes(actual, predicted):
    pairs = aligned_pairs(actual, predicted)
    assert sum(p.state != RIGHT for p in pairs) == edits(actual, predicted)
    assert "".join(p.actual for p in pairs) == actual
    assert "".join(p.predicted for p in pairs) == predicted


def test_states():
    assert [p.state for p in aligned_pairs("abd", "acbx")] == [RIGHT, ADDED, RIGHT, WRONG]
    assert [p.state for p in aligned_pairs("ab", "a")] == [RIGHT, MISSING]
    assert pair("a", "b", 0.2).state == WRONG and pair("a", "a").state == RIGHT


def test_parts():
    assert parts_of("one two") == ["one", "two"] and parts_of(" 61196 ") == list("61196")
