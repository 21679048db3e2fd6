"""Values of fields and signs of ABC."""

from fractions import Fraction

import pytest

from unroll.tasks.music.abc_fields import (
    default_unit,
    parse_metre,
    parse_passes,
    parse_tempo,
    parse_tuplet,
    parse_unit,
)


def test_metres_and_units():
    assert parse_metre("C") == (4, 4) and parse_metre("(2+2+3)/8") == (7, 8)
    assert parse_metre("0/4") is None and parse_metre("3/0") is None
    assert parse_unit("1/16") == Fraction(1, 16) and parse_unit("4") is None
    assert default_unit((2, 4)) == Fraction(1, 16)
    assert default_unit((3, 4)) == default_unit(None) == Fraction(1, 8)


@pytest.mark.parametrize(
    ("value", "tempo"),
    [("1/4=120", 120), ("3/8=90", 135), ("120", 60), ('"Allegro" 1/4=96', 96), ("fast", None)],
)
def test_tempos_are_quarter_notes_per_minute(value, tempo):
    assert parse_tempo(value, Fraction(1, 8)) == tempo


def test_passes_of_endings():
    assert parse_passes("1,3") == (1, 3) and parse_passes("1-3") == (1, 2, 3)


def test_tuplets_by_metre():
    assert parse_tuplet("(3", (4, 4)) == (3, Fraction(2, 3))
    assert parse_tuplet("(5", (4, 4)) == (5, Fraction(2, 5))
    assert parse_tuplet("(5", (6, 8)) == (5, Fraction(3, 5))
    assert parse_tuplet("(3:2:2", None) == (2, Fraction(2, 3))
