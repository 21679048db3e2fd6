"""A tune in ABC as bars of notes.

Read are notes, chords in brackets, rests, ties, triplets and other tuplets, broken rhythm, accidentals
to the end of the bar, changes of key, metre, unit and tempo, and voices. Not read are grace notes,
ornaments, dynamics, overlays (&) and chord symbols in quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

from unroll.tasks.music.abc import AbcPiece, split_pieces
from unroll.tasks.music.abc_fields import (
    default_unit,
    parse_length,
    parse_metre,
    parse_passes,
    parse_tempo,
    parse_tuplet,
    parse_unit,
)
from unroll.tasks.music.keys import (
    ACCIDENTALS,
    LETTERS,
    NATURAL,
    CannotTranspose,
    parse_key,
    signature_alteration,
    staff_place,
)

MIDDLE_C = 60
MOST_PITCHES = 1000  # of a chord; more than any instrument has
MOST_SIGNS = 10  # of a broken rhythm
SECTION = re.compile(r"::|:\||\|:|\|\||\|\]|\[\|")  # a bar line that ends or begins a part


@dataclass(frozen=True)
class BarSound:
    """Notes that begin together, or a rest.

    Attributes:
        pitches: in semitones, 60 is middle C; none for a rest.
        length: in whole notes.
        tied: whether each pitch is tied to the next note of the same pitch.
    """

    pitches: tuple[int, ...]
    length: Fraction
    tied: bool = False


@dataclass
class Bar:
    """The notes between two bar lines.

    Attributes:
        capacity: its length by the metre, in whole notes; None without a metre.
        opens: the bar line before it.
        closes: the bar line after it.
        sounds: its notes and rests.
        endings: the passes of a repeat in which it is played; empty for all.
        tempo: a tempo that begins with it, in quarter notes per minute.
    """

    capacity: Fraction | None
    opens: str = ""
    closes: str = ""
    sounds: list[BarSound] = field(default_factory=list)
    endings: tuple[int, ...] = ()
    tempo: float | None = None

    @property
    def length(self) -> Fraction:
        """The length of its notes and rests, in whole notes."""
        return sum((sound.length for sound in self.sounds), Fraction(0))

    @property
    def ends_part(self) -> bool:
        """Whether the bar line after it ends a part: a repeat, a double bar, the end."""
        return bool(SECTION.search(self.closes))


def read_bars(tune: str) -> list[list[Bar]]:
    """The bars of each voice of a tune, in the order of the voices.

    Examples:
        >>> from unroll.tasks.music.abc_bars import read_bars
        >>> voice, = read_bars("X:1\\nM:3/4\\nL:1/4\\nK:G\\nD|G2B|(3ABcd2:|")
        >>> [str(bar.length) for bar in voice]
        ['1/4', '3/4', '1']
    """
    readers = {"": BarReader()}
    reader = readers[""]
    for piece in split_pieces(tune):
        if piece.kind in ("field", "inline") and piece.text.lstrip("[")[0] == "V":
            name = piece.text.partition(":")[2].split("]")[0].split() or [""]
            if reader.body:
                if name[0] not in readers:
                    readers[name[0]] = BarReader(reader.start)
                reader = readers[name[0]]
            continue
        reader.read(piece)
    return [bars for one in readers.values() if (bars := one.finish())]


@dataclass(frozen=True)
class VoiceStart:
    """What the header of a tune sets for the beginning of each voice.

    Attributes:
        metre: the beats of a bar and the length of a beat; None for a free one.
        unit: of lengths, in whole notes; None for the usual one.
        fifths: sharps of the key; flats are negative.
        capacity: of the first bar, in whole notes; None without a metre.
        tempo: in quarter notes per minute; None where it is not given.
        body: whether the header is complete.
    """

    metre: tuple[int, int] | None
    unit: Fraction | None
    fifths: int
    capacity: Fraction | None
    tempo: float | None
    body: bool = False


class BarReader:
    """Reads the bars of one voice, piece by piece.

    Args:
        start: what the header has set, for another voice of the tune. Default: nothing.
    """

    def __init__(self, start: VoiceStart | None = None) -> None:
        start = start or VoiceStart(None, None, 0, None, None)
        self.metre, self.unit, self.fifths = start.metre, start.unit, start.fifths
        self.start = start
        self.altered: dict[int, int] = {}
        self.body = start.body
        self.bars: list[Bar] = []
        self.bar = Bar(start.capacity, tempo=start.tempo)
        self.chord: list[int] | None = None  # the pitches within [ ]
        self.open = False  # whether a length would belong to the last sound
        self.grace = self.overlaid = False
        # notes left, and the factor of their lengths
        self.tuplet: tuple[int, Fraction] = (0, Fraction(1))
        self.broken = Fraction(1)  # factor of the next length, after > or <
        self.after_line = False  # no note or field since the last bar line

    def read(self, piece: AbcPiece) -> None:
        """Read the next piece."""
        kind, text = piece.kind, piece.text
        was_open, self.open = self.open, False
        if kind in ("field", "inline"):
            self._set_field(piece)
        elif not self.body or kind == "comment":
            return
        elif self.overlaid and kind != "bar":
            return
        elif kind in ("note", "rest"):
            self._add_sound(text)
        elif kind == "length":
            if was_open:
                self._stretch(parse_length(text))
            elif self.after_line:
                self.bar.endings = parse_passes(text)
        elif kind == "tuplet":
            self.tuplet = parse_tuplet(text, self.metre)
        elif kind == "bar":
            self._end_bar(text)
        elif kind == "ending":
            if self.bar.sounds:
                self._end_bar("")
            self.bar.endings = parse_passes(text[1:])
        elif kind == "sign" and text[0] in "<>" and self.bar.sounds:
            self._break_rhythm(text)
        elif text in ("{", "}"):
            self.grace = text == "{"
        elif text == "&":
            self.overlaid = True
        elif text == "[":
            self.chord = []
        elif text == "]" and self.chord is not None:
            self.chord, self.open = None, True
        elif text == "-" and self.bar.sounds:
            self.bar.sounds[-1] = replace(self.bar.sounds[-1], tied=True)
        if kind not in ("bar", "other", "sign"):
            self.after_line = False

    def _set_field(self, piece: AbcPiece) -> None:
        """Read a field of the header, or a change within the tune."""
        letter, _, value = piece.text.lstrip("[").rstrip("\n").partition(":")
        value = value.rstrip("]") if piece.kind == "inline" else value
        value = value.partition("%")[0].strip()
        if letter == "M":
            self.metre = parse_metre(value)
            if not self.bar.sounds:
                self.bar.capacity = Fraction(*self.metre) if self.metre else None
        elif letter == "L":
            self.unit = parse_unit(value) or self.unit
        elif letter == "Q":
            self.bar.tempo = parse_tempo(value, self.length_unit)
        elif letter == "K":
            key = parse_key(value)
            self.fifths = key.fifths if key else 0
            if not self.body:
                self.body = True
                self.start = VoiceStart(
                    self.metre, self.unit, self.fifths, self.bar.capacity, self.bar.tempo, True
                )

    @property
    def length_unit(self) -> Fraction:
        """The unit of lengths, in whole notes."""
        return self.unit or default_unit(self.metre)

    def _add_sound(self, text: str) -> None:
        """Add a note or a rest of one unit; a length may follow."""
        if self.grace:
            return
        if self.chord is not None:
            if text in "zxZX" or len(self.chord) == MOST_PITCHES:
                return
            self.chord.append(self._pitch(text))
            if len(self.chord) > 1:
                last = self.bar.sounds[-1]
                self.bar.sounds[-1] = replace(last, pitches=(*last.pitches, self.chord[-1]))
                return
            pitches: tuple[int, ...] = (self.chord[0],)
        else:
            pitches = () if text in "zxZX" else (self._pitch(text),)
        left, factor = self.tuplet
        length = self.length_unit * self.broken * (factor if left else 1)
        if text in ("Z", "X"):
            length = self.bar.capacity or length
        self.tuplet, self.broken = (max(0, left - 1), factor), Fraction(1)
        self.bar.sounds.append(BarSound(pitches, length))
        self.open = True

    def _pitch(self, text: str) -> int:
        """The pitch of a note in its key, after accidentals in the same bar."""
        letter = text.rstrip(",'")[-1]
        accidental = text[: text.index(letter)]
        try:
            place = staff_place(text)
        except CannotTranspose:  # an octave mark the other way, as in C', or two signs, as in ^_C
            place = staff_place(letter) + 7 * (text.count("'") - text.count(","))
            accidental = accidental if accidental in ACCIDENTALS else accidental[-1:]
        octave, k = divmod(place, 7)
        if accidental:  # holds in every octave until the bar's end
            self.altered[k] = ACCIDENTALS[accidental]
        amount = self.altered.get(k, signature_alteration(self.fifths, k))
        return MIDDLE_C + 12 * octave + NATURAL[LETTERS.index(letter.upper())] + amount

    def _stretch(self, times: Fraction) -> None:
        """Multiply the length of the last note; in a chord, only the first note gives the length."""
        if self.bar.sounds and (self.chord is None or len(self.chord) == 1):
            last = self.bar.sounds[-1]
            self.bar.sounds[-1] = replace(last, length=last.length * times)

    def _break_rhythm(self, text: str) -> None:
        """Read A > B: the first note takes half of the second; with >> three quarters of it."""
        share = Fraction(1, 2 ** min(len(text), MOST_SIGNS))
        first, second = (2 - share, share) if text[0] == ">" else (share, 2 - share)
        last = self.bar.sounds[-1]
        self.bar.sounds[-1] = replace(last, length=last.length * first)
        self.broken = second

    def _end_bar(self, text: str) -> None:
        """Read a bar line: the bar ends, unless it is empty."""
        self.overlaid, self.tuplet, self.chord = False, (0, Fraction(1)), None
        self.after_line = True
        if self.bar.sounds:
            self.bar.closes = text
            self.bars.append(self.bar)
            tempo = None
        else:
            if self.bars:
                self.bars[-1].closes += text
            text, tempo = self.bar.opens + text, self.bar.tempo
        self.altered = {}
        capacity = Fraction(*self.metre) if self.metre else None
        self.bar = Bar(capacity, opens=text, tempo=tempo)

    def finish(self) -> list[Bar]:
        """The bars, the last one too where no bar line ends it."""
        if self.bar.sounds:
            self.bars.append(self.bar)
            self.bar = Bar(None)
        return self.bars


def odd_bars(bars: list[Bar]) -> list[Bar]:
    """The bars of a voice whose length is not that of their metre.

    The first bar may be a shorter pickup. Where a part ends in the middle of a bar, the bars on both
    sides of the bar line may be shorter than the metre, because together they are one bar.
    """
    odd = []
    for k, bar in enumerate(bars):
        if bar.capacity is None or bar.length == bar.capacity:
            continue
        edge = k == 0 or bar.ends_part or bars[k - 1].ends_part or bar.endings or k == len(bars) - 1
        if bar.length > bar.capacity or not edge:
            odd.append(bar)
    return odd
