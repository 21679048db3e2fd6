"""A score: notes with their times, whatever notation the tune was in."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

DEFAULT_TEMPO = 120.0  # quarter notes per minute


class Note(NamedTuple):
    """A note of a score.

    Attributes:
        start: in quarter notes.
        length: in quarter notes.
        pitch: in semitones, 60 is middle C.
    """

    start: Fraction
    length: Fraction
    pitch: int


@dataclass(frozen=True)
class Score:
    """A tune as notes with their times.

    Attributes:
        title: of the tune.
        notes: in order of their start.
        metre: the beats of a bar and the length of a beat, (6, 8).
        fifths: sharps of the key; flats are negative.
        minor: whether the key is minor.
        tempos: from which quarter note on which tempo holds, in quarter notes per minute.
        length: of the tune, with rests at its end, in quarter notes.
        pickup: the length before the first complete bar, in quarter notes.
    """

    title: str
    notes: tuple[Note, ...]
    metre: tuple[int, int] = (4, 4)
    fifths: int = 0
    minor: bool = False
    tempos: tuple[tuple[Fraction, float], ...] = ((Fraction(0), DEFAULT_TEMPO),)
    length: Fraction = field(default=Fraction(0))
    pickup: Fraction = field(default=Fraction(0))

    @property
    def bar(self) -> Fraction:
        """The length of a bar, in quarter notes."""
        return Fraction(4 * self.metre[0], self.metre[1])

    def seconds(self, at: Fraction) -> float:
        """The time of a quarter note, in seconds.

        Examples:
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
