"""Scores written as ABC: what a reader of ABC hears is the score, and its bars add up."""

from fractions import Fraction

import numpy as np
import pytest

from unroll.tasks.music.abc import field_value
from unroll.tasks.music.abc_bars import read_bars
from unroll.tasks.music.abc_playback import abc_score
from unroll.tasks.music.abc_writer import key_name, round_to_grid, score_to_abc
from unroll.tasks.music.keys import parse_key
from unroll.tasks.music.score import Note, Score


def played(seed, parts):
    """Notes of any length, several at once, at places of so many parts of a quarter note."""
    draw = np.random.default_rng(seed)
    rows = draw.integers((0, 1, 40), (8 * parts, 4 * parts, 90), (30, 3)).tolist()
    return tuple(sorted({Note(Fraction(s, parts), Fraction(l, parts), p) for s, l, p in rows}))


@pytest.mark.parametrize("seed", range(12))
def test_what_is_read_is_what_was_written(seed):
    metre = [(4, 4), (6, 8), (3, 4), (5, 8)][seed % 4]
    notes = played(seed, (8, 6, 24)[seed % 3])
    score = Score("Of all", notes, metre, seed - 6, bool(seed % 2))
    tune = score_to_abc(score)
    for voice in read_bars(tune):
        assert all(bar.length == bar.capacity for bar in voice)
    again = abc_score(tune)
    assert (again.fifths, again.minor, again.title) == (score.fifths, score.minor, "Of all")
    wanted = {(round_to_grid(s), max(round_to_grid(s + l), round_to_grid(s) + Fraction(1, 16)), p)
              for s, l, p in notes}  # fmt: skip
    assert {(s, s + l, p) for s, l, p in again.notes} == wanted


def test_signs_that_a_reader_could_take_for_others():
    fifth = Fraction(1)
    pitches = (66, 65, 77, 66)  # F sharp, F natural, the same an octave up, F sharp again
    notes = tuple(Note(k * fifth, fifth, pitch) for k, pitch in enumerate(pitches))
    assert "F2 =F2 =f2 ^F2|]" in score_to_abc(Score("", notes, fifths=1))
    triplets = tuple(Note(Fraction(k, 3), Fraction(1, 3), 60 + 2 * k) for k in range(3))
    tied = (Note(Fraction(3), Fraction(5, 4), 60),)
    assert "(3CDE z4 C2-|C/2" in score_to_abc(Score("", (*triplets, *tied)))
    assert score_to_abc(Score("|x", ())).splitlines()[1:] == [
        "T:x", "M:4/4", "L:1/8", "Q:1/4=120", "K:C", "z8|]"
    ]  # fmt: skip


def test_names_of_keys():
    for fifths in range(-7, 8):
        for minor in (False, True):
            key = parse_key(key_name(fifths, minor))
            assert key.fifths == fifths and field_value(f"K:{key.name}\n", "K") == key.name
