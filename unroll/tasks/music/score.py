"""What a tune sounds like: notes with their times, whatever notation it was in."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple


class Note(NamedTuple):
    """start, length: in quarter notes. pitch: 60 is the middle C, a semitone each."""

    start: Fraction
    length: Fraction
    pitch: int


@dataclass(frozen=True)
class Score:
    """notes: in order of their start. metre: beats of a bar and what a beat is, (6, 8).
    fifths: sharps of the key, flats below zero. tempos: from which quarter note on how many of them
    a minute, in order. length: of it all, in quarter notes, rests at its end too. pickup: what
    stands before the first whole bar."""

    title: str
    notes: tuple[Note, ...]
    metre: tuple[int, int] = (4, 4)
    fifths: int = 0
    minor: bool = False
    tempos: tuple[tuple[Fraction, float], ...] = ((Fraction(0), 120.0),)
    length: Fraction = field(default=Fraction(0))
    pickup: Fraction = field(default=Fraction(0))

    @property
    def bar(self) -> Fraction:
        """The length of a bar, in quarter notes."""
        return Fraction(4 * self.metre[0], self.metre[1])

    def seconds(self, at: Fraction) -> float:
        """When a quarter note comes, in seconds.

        Example:
            >>> from fractions import Fraction
            >>> from unroll.tasks.music.score import Score
            >>> Score("", (), tempos=((Fraction(0), 120), (Fraction(4), 60))).seconds(Fraction(6))
            4.0
        """
        passed = 0.0
        ends = [start for start, _ in self.tempos[1:]] + [max(at, self.tempos[-1][0])]
        for (start, tempo), end in zip(self.tempos, ends, strict=True):
            if at > start:
                passed += float(min(at, end) - start) * 60 / tempo
        return passed
