"""The rules of a tune: which tokens may come, step by step."""

from fractions import Fraction

import pytest

from unroll.tasks.music.abc import split_pieces
from unroll.tasks.music.abc_rules import TuneRules, length_text, reachable_sums
from unroll.tasks.music.abc_tokens import TuneTokens
from unroll.tasks.music.preprocessor import BOUNDARY


@pytest.fixture
def rules(abc):
    """Calls: a body -> the rules of a tune in 3/4 after it, where each piece was allowed."""

    def follow(body):
        rules = TuneRules(TuneTokens(abc), Fraction(3, 4), Fraction(1, 4))
        for piece in split_pieces(body):
            id = abc.id_of(piece.text)
            assert rules.allowed()[id], piece.text
            rules.read(rules.tokens.pieces[id])
        return rules

    return follow


def test_a_full_bar_must_be_closed(abc, rules):
    may = rules("F2A").allowed()
    assert may[abc.id_of("|")] and not may[abc.id_of("G")] and not may[abc.id_of("z")]
    assert not rules("F2").allowed()[abc.id_of("2")]


def test_a_tune_ends_at_the_end_of_a_part(abc, rules):
    assert not rules("F2A|").allowed()[BOUNDARY]
    assert rules("F2A||\n").allowed()[BOUNDARY]
    assert not rules("|:F2A|").allowed()[abc.id_of("||")]  # the repeat is open


def test_what_must_come_fills_the_bar(rules):
    tune = rules("F2A")
    tune.closing = True
    assert tune.forced() == "|]"
    assert rules("|:F2A").forced() == ":|"


def test_sums_and_lengths():
    assert reachable_sums([Fraction(2)], Fraction(5)) == {0, 2, 4}
    assert [length_text(Fraction(*n)) for n in ((4, 1), (3, 4))] == ["4", "3/4"]
