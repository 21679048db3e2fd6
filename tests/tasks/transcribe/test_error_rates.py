"""Error rates beside a count of all ways to turn one text into another."""

import itertools
import random
from functools import cache

import pytest

from unroll.tasks.transcribe.error_rates import (
    character_error_rate,
    edits,
    error_rate,
    word_error_rate,
)


@cache
def ways(a, b):
    """(errors, insertions and deletions), the fewest, by trying everything."""
    if not a or not b:
        return len(a) + len(b), len(a) + len(b)
    same, gone, new = ways(a[1:], b[1:]), ways(a[1:], b), ways(a, b[1:])
    return min(
        (same[0] + (a[0] != b[0]), same[1]),
        (gone[0] + 1, gone[1] + 1),
        (new[0] + 1, new[1] + 1),
    )


def test_edits_are_the_fewest():
    texts = ["".join(t) for n in range(5) for t in itertools.product("ab", repeat=n)]
    for a, b in itertools.product(texts, repeat=2):
        assert edits(a, b) == ways(a, b), (a, b)
    draw = random.Random(0)
    for _ in range(50):
        a, b = ("".join(draw.choices("abcd", k=draw.randrange(12))) for _ in range(2))
        assert edits(a, b) == ways(a, b), (a, b)


def test_rates_add_up_over_texts():
    found = error_rate([("abc", "axc"), ("abc", "abcd"), ("abc", "bc"), ("", "z")])
    assert (found.errors, found.total) == (4, 9)
    assert (found.substitutions, found.insertions, found.deletions) == (1, 2, 1)
    assert found.rate == pytest.approx(4 / 9)


def test_words_and_characters_do_not_mind_spaces():
    pairs = [("a  pear\ttree", " a pear tree ")]
    assert word_error_rate(pairs).rate == character_error_rate(pairs).rate == 0
    assert word_error_rate([("one two three", "one three")]).deletions == 1
    assert word_error_rate([]).rate == 0
    assert character_error_rate([("né", "ne")]).errors == 1
    assert error_rate([(["a", 1], ["a", 2])]).substitutions == 1
