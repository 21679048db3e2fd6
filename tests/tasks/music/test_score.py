"""Scores: bars by the metre, seconds by the tempos."""

from fractions import Fraction

from unroll.tasks.music.score import Score


def test_bars_and_seconds():
    assert Score("", (), metre=(6, 8)).bar == 3
    tempos = ((Fraction(0), 60.0), (Fraction(2), 120.0), (Fraction(4), 30.0))
    score = Score("", (), tempos=tempos)
    assert [score.seconds(Fraction(at)) for at in (1, 2, 3, 5)] == [1.0, 2.0, 2.5, 5.0]
