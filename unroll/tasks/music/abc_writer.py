"""A score as a tune in ABC: bars that add up, ties over bar lines, a voice for notes that overlap.

ABC has signs for repeated halves and for triplets only, so every time is rounded to the nearest
sixteenth or sixth of a quarter note.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

from unroll.tasks.music.abc_rules import TRIPLET, length_text
from unroll.tasks.music.keys import (
    FIFTHS,
    LETTERS,
    NATURAL,
    SIGNS,
    fifths_of,
    note_at,
    signature_alteration,
)
from unroll.tasks.music.score import Score

GRIDS = (16, 6)  # parts of a quarter note
UNIT = Fraction(1, 2)  # of L:1/8, in quarter notes
BARS_PER_LINE = 4
MIDDLE_C = 60
MOST_SHARPS = 7


class NoteSpan(NamedTuple):
    """Notes that begin and end together.

    Attributes:
        start: in quarter notes.
        end: in quarter notes.
        pitches: one or more.
    """

    start: Fraction
    end: Fraction
    pitches: tuple[int, ...]


def score_to_abc(score: Score) -> str:
    """A score as a tune in ABC; times are rounded, all notes are kept.

    When to use it: to write a tune of MIDI in ABC.

    Source: https://abcnotation.com/wiki/abc:standard:v2.1.

    Examples:
        >>> from fractions import Fraction
        >>> from unroll.tasks.music.score import Note, Score
        >>> from unroll.tasks.music.abc_writer import score_to_abc
        >>> notes = tuple(Note(Fraction(k), Fraction(1), 66 + k) for k in range(3))
        >>> print(score_to_abc(Score("Up", notes, metre=(3, 4), fifths=1)).rstrip())
        X:1
        T:Up
        M:3/4
        L:1/8
        Q:1/4=120
        K:G
        F2 G2 ^G2|]
    """
    fifths = max(-MOST_SHARPS, min(score.fifths, MOST_SHARPS))
    title = " ".join(score.title.split()).lstrip("|:]") or "Tune"
    head = ["X:1", f"T:{title}", f"M:{score.metre[0]}/{score.metre[1]}", "L:1/8"]
    head += [f"Q:1/4={score.tempos[0][1]:.0f}", f"K:{key_name(fifths, score.minor)}"]
    beats, kind = score.metre
    beat = Fraction(12 if beats % 3 == 0 and kind == 8 else 4, kind)
    voices = split_voices(score)
    end = max([round_to_grid(score.length), *(voice[-1].end for voice in voices if voice)])
    lines = head
    for number, voice in enumerate(voices or [[]], 1):
        if len(voices) > 1:
            lines.append(f"V:{number}")
        bars = [bar_text(bar, fifths, beat) for bar in voice_bars(voice, score, end)]
        rows = [bars[k : k + BARS_PER_LINE] for k in range(0, len(bars), BARS_PER_LINE)]
        lines += ["|".join(row) + "|" for row in rows]
        lines[-1] += "]"
    return "\n".join(lines) + "\n"


def round_to_grid(at: Fraction) -> Fraction:
    """The nearest time that ABC can write."""
    return min((Fraction(round(at * n), n) for n in GRIDS), key=lambda near: abs(near - at))


def key_name(fifths: int, minor: bool) -> str:
    """The key with so many sharps, such as G or Em; flats are negative."""
    place = fifths + (4 if minor else 1)  # of its tonic on the line of fifths; F is 0
    alteration, k = divmod(place, 7)
    sign = {-1: "b", 0: "", 1: "#"}[alteration]
    return LETTERS[FIFTHS.index(k)] + sign + ("m" if minor else "")


def split_voices(score: Score) -> list[list[NoteSpan]]:
    """The notes in voices without overlaps; the highest notes are in the first voice."""
    chords: dict[tuple[Fraction, Fraction], set[int]] = {}
    for start, length, pitch in score.notes:
        begin, end = round_to_grid(start), round_to_grid(start + length)
        chords.setdefault((begin, max(end, begin + Fraction(1, GRIDS[0]))), set()).add(pitch)
    spans = [NoteSpan(*times, tuple(sorted(pitches))) for times, pitches in chords.items()]
    voices: list[list[NoteSpan]] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.pitches[-1])):
        free = next((voice for voice in voices if voice[-1].end <= span.start), None)
        if free is None:
            voices.append([span])
        else:
            free.append(span)
    return voices


class WrittenNote(NamedTuple):
    """A note, chord or rest as ABC writes it.

    Attributes:
        units: its length in units of L:, in a triplet before it is shortened.
        triplet: whether it is part of a triplet.
        pitches: none for a rest.
        tied: whether it is tied to the next one.
    """

    units: Fraction
    triplet: bool
    pitches: tuple[int, ...]
    tied: bool


def voice_bars(voice: list[NoteSpan], score: Score, end: Fraction) -> Iterator[list[WrittenNote]]:
    """The notes of each bar of a voice, with rests between them and to the end of the last bar."""
    edge, now, waiting = score.pickup or score.bar, Fraction(0), list(reversed(voice))
    while now < end or edge == (score.pickup or score.bar):
        bar: list[WrittenNote] = []
        while now < edge:
            if waiting and waiting[-1].start <= now:
                until, pitches = waiting[-1].end, waiting[-1].pitches
            else:
                until, pitches = waiting[-1].start if waiting else edge, ()
            stop = min(until, edge)
            if stop == until and pitches:
                waiting.pop()
            bar += write_length(stop - now, pitches, continues=stop < until)
            now = stop
        yield bar
        edge += score.bar


def write_length(length: Fraction, pitches: tuple[int, ...], continues: bool) -> list[WrittenNote]:
    """A length as one note or several tied notes, each with or without a dot.

    Args:
        length: in quarter notes.
        pitches: none for a rest.
        continues: whether the last note is tied to the next bar.
    """
    units = length / UNIT
    triplet = units.denominator % 3 == 0
    left = units / TRIPLET if triplet else units
    parts: list[Fraction] = []
    while left:
        plain = Fraction(2) ** (left.numerator.bit_length() - left.denominator.bit_length())
        plain = plain if plain <= left else plain / 2
        parts.append(plain * Fraction(3, 2) if plain * Fraction(3, 2) <= left else plain)
        left -= parts[-1]
    return [
        WrittenNote(part, triplet, pitches, bool(pitches) and (continues or k < len(parts)))
        for k, part in enumerate(parts, 1)
    ]


def bar_text(bar: list[WrittenNote], fifths: int, beat: Fraction) -> str:
    """A bar in ABC, with a space after each beat.

    Accidentals are written wherever a reader could mistake a note for another.
    """
    altered: set[int] = set()
    text, at = "", Fraction(0)
    for (triplet, units), group in groupby(bar, key=lambda note: (note.triplet, note.units)):
        notes = list(group)
        if triplet:
            text += "(3" if len(notes) == 3 else f"(3:2:{len(notes)}"
        for note in notes:
            names = "".join(note_name(pitch, fifths, altered) for pitch in note.pitches) or "z"
            text += f"[{names}]" if len(note.pitches) > 1 else names
            text += length_text(units) + "-" * note.tied
            at += units * UNIT * (TRIPLET if triplet else 1)
            text += " " * (at % beat == 0)
    return text.rstrip()


def note_name(pitch: int, fifths: int, altered: set[int]) -> str:
    """A pitch as the note that is nearest to the key on the line of fifths.

    Args:
        pitch: in semitones, 60 is middle C.
        fifths: sharps of the key; flats are negative.
        altered: letters that have had an accidental in this bar; its own is added.
    """
    choices = [
        (letter, sign)
        for letter in range(len(LETTERS))
        for sign in (-1, 0, 1)
        if (NATURAL[letter] + sign - pitch) % 12 == 0
    ]

    def distance(choice: tuple[int, int]) -> tuple[int, int]:
        """From the middle of the seven notes of the key; sharps first."""
        place = fifths_of(*choice)
        return abs(place - fifths - 3), -place

    letter, sign = min(choices, key=distance)
    accidental = ""
    if sign != signature_alteration(fifths, letter) or letter in altered:
        accidental = SIGNS[sign]
        altered.add(letter)
    octave = (pitch - MIDDLE_C - NATURAL[letter] - sign) // 12
    return note_at(letter + 7 * octave, accidental)
