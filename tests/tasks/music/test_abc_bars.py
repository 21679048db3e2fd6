"""Bars of ABC: lengths, ties, triplets and broken rhythm add up."""

from fractions import Fraction

from unroll.tasks.music.abc_bars import odd_bars, read_bars
from unroll.tasks.music.abc_playback import abc_score

HEAD = "X:1\nT:A\nM:4/4\nL:1/8\nK:{}\n"


def test_lengths_ties_triplets_and_broken_rhythm_add_up():
    (voice,) = read_bars(HEAD.format("C") + "A2>B2 (3cde f2-|f8|[CEG]4 z4|\n{g}A>B c<d e/f/g2e|")
    assert [bar.length for bar in voice] == [1, 1, 1, 1] and not odd_bars(voice)
    first = voice[0].sounds
    assert first[0].length == Fraction(3, 8) and first[1].length == Fraction(1, 8)
    assert first[2].length == Fraction(1, 12)
    notes = abc_score(HEAD.format("C") + "f2-|f2c|").notes
    assert [(float(n.start), float(n.length), n.pitch) for n in notes] == [(0, 2, 77), (2, 0.5, 72)]
