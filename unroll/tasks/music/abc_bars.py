"""A tune in ABC as bars of sounds, and as it is played: repeats, endings, ties.

What is heard: notes, chords in brackets, rests, ties, triplets and other tuplets, broken rhythm,
accidentals until the end of the bar, changes of key, metre, unit and tempo, voices. What is not:
grace notes, ornaments, loudness, overlays (&), and the chords in quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

from unroll.tasks.music.abc import Piece, field_value, pieces
from unroll.tasks.music.keys import (
    ACCIDENTALS,
    LETTERS,
    NATURAL,
    NOTE,
    CannotMove,
    degree,
    in_signature,
    parse_key,
)
from unroll.tasks.music.score import Note, Score

QUARTER_A_MINUTE = 120.0
MIDDLE_C = 60
MOST_BARS = 100_000  # of a tune as it is played
SECTION = re.compile(r"::|:\||\|:|\|\||\|\]|\[\|")  # a bar line that ends or begins a part


@dataclass(frozen=True)
class Sound:
    """pitches: none for a rest. length: in whole notes. tied: to the next one of its pitch."""

    pitches: tuple[int, ...]
    length: Fraction
    tied: bool = False


@dataclass
class Bar:
    """What stands between two bar lines. opens, closes: those lines. capacity: by the metre, in
    whole notes; None where there is none. endings: the passes that it is played in; none: in all.
    """

    capacity: Fraction | None
    opens: str = ""
    closes: str = ""
    sounds: list[Sound] = field(default_factory=list)
    endings: tuple[int, ...] = ()
    tempo: float | None = None

    @property
    def length(self) -> Fraction:
        """In whole notes."""
        return sum((sound.length for sound in self.sounds), Fraction(0))

    @property
    def ends_part(self) -> bool:
        """Whether its right line ends a part: a repeat, a double bar, the end."""
        return bool(SECTION.search(self.closes))


def metre_of(value: str) -> tuple[int, int] | None:
    """The beats of a bar and what a beat is; None for a free metre, or one that is not understood.

    Example:
        >>> from unroll.tasks.music.abc_bars import metre_of
        >>> metre_of("6/8"), metre_of("C|"), metre_of("2+3/8"), metre_of("none")
        ((6, 8), (2, 2), (5, 8), None)
    """
    named = {"C": (4, 4), "C|": (2, 2)}
    if value in named:
        return named[value]
    found = re.match(r"\(?(\d+(?:\+\d+)*)\)?/(\d+)$", value)
    if found is None or int(found[2]) == 0:
        return None
    beats = sum(int(part) for part in found[1].split("+"))
    return (beats, int(found[2])) if beats else None


def length_of(text: str) -> Fraction:
    """How many units a length says: 3/2, 2, / for a half, // for a quarter.

    Example:
        >>> from unroll.tasks.music.abc_bars import length_of
        >>> [str(length_of(text)) for text in ("3/2", "2", "/", "//", "3/", "/4")]
        ['3/2', '2', '1/2', '1/4', '3/2', '1/4']
    """
    whole, slashes, below = re.match(r"(\d*)(/*)(\d*)", text).groups()  # type: ignore[union-attr]
    divisor = int(below or 2) ** len(slashes) if not below else int(below)
    return Fraction(int(whole or 1), max(1, divisor) if slashes else 1)


def unit_of(value: str) -> Fraction | None:
    """What an L: field says, in whole notes."""
    found = re.match(r"(\d+)/(\d+)$", value)
    ok = found is not None and int(found[1]) and int(found[2])
    return Fraction(int(found[1]), int(found[2])) if ok and found else None


def unit_for(metre: tuple[int, int] | None) -> Fraction:
    """The unit of a tune without an L: field."""
    small = metre is not None and Fraction(*metre) < Fraction(3, 4)
    return Fraction(1, 16) if small else Fraction(1, 8)


def tempo_of(value: str, unit: Fraction) -> float | None:
    """Quarter notes a minute by a Q: field: 1/4=120, 3/8=90, or 120 units a minute."""
    found = re.search(r"(?:(\d+)/(\d+)\s*=\s*)?(\d+(?:\.\d+)?)", re.sub(r'"[^"]*"', "", value))
    if found is None or not float(found[3]) or (found[2] and not int(found[2])):
        return None
    beat = Fraction(int(found[1]), int(found[2])) if found[1] else unit
    return float(found[3]) * float(4 * beat)


def read_bars(tune: str) -> list[list[Bar]]:
    """The bars of each voice of a tune, in their order.

    Example:
        >>> from unroll.tasks.music.abc_bars import read_bars
        >>> voice, = read_bars("X:1\\nM:3/4\\nL:1/4\\nK:G\\nD|G2B|(3ABcd2:|")
        >>> [str(bar.length) for bar in voice]
        ['1/4', '3/4', '1']
    """
    readers = {"": Reader()}
    reader = readers[""]
    for piece in pieces(tune):
        if piece.kind in ("field", "inline") and piece.text.lstrip("[")[0] == "V":
            name = piece.text.partition(":")[2].split("]")[0].split() or [""]
            if reader.body:
                # a voice begins as the header has it
                fresh = Reader(reader.head) if reader.head else Reader()
                reader = readers.setdefault(name[0], fresh)
            continue
        reader.read(piece)
    return [bars for one in readers.values() if (bars := one.finished())]


class Reader:
    """One voice, piece by piece. head: the fields of the header that it begins with."""

    def __init__(self, head: list[Piece] | None = None) -> None:
        self.metre: tuple[int, int] | None = None
        self.unit: Fraction | None = None
        self.fifths = 0
        self.altered: dict[int, int] = {}
        self.head: list[Piece] = []
        self.body = False
        self.bars: list[Bar] = []
        self.bar = Bar(None)
        self.chord: list[int] | None = None  # the pitches within [ ]
        self.open = False  # whether a length would belong to the last sound
        self.grace = self.overlaid = False
        self.tuplet: tuple[int, Fraction] = (0, Fraction(1))  # sounds left, and their factor
        self.broken = Fraction(1)  # of the next sound
        self.after_line = False
        for piece in head or []:
            self.read(piece)

    def read(self, piece: Piece) -> None:
        kind, text = piece.kind, piece.text
        was_open, self.open = self.open, False
        if kind in ("field", "inline"):
            self.set(piece)
        elif not self.body or kind == "comment":
            return
        elif self.overlaid and kind != "bar":
            return
        elif kind in ("note", "rest"):
            self.sound(text)
        elif kind == "length":
            if was_open:
                self.stretch(length_of(text))
            elif self.after_line:
                self.bar.endings = numbers(text)
        elif kind == "tuplet":
            self.tuplet = tuplet_of(text, self.metre)
        elif kind == "bar":
            self.line(text)
        elif kind == "ending":
            if self.bar.sounds:
                self.line("")
            self.bar.endings = numbers(text[1:])
        elif kind == "sign" and text[0] in "<>" and self.bar.sounds:
            self.break_rhythm(text)
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

    def set(self, piece: Piece) -> None:
        """A field: of the header, or a change within the tune."""
        letter, _, value = piece.text.lstrip("[").rstrip("\n").partition(":")
        value = value.rstrip("]") if piece.kind == "inline" else value
        value = value.partition("%")[0].strip()
        if not self.body:
            self.head.append(piece)
        if letter == "M":
            self.metre = metre_of(value)
            if not self.bar.sounds:
                self.bar.capacity = Fraction(*self.metre) if self.metre else None
        elif letter == "L":
            self.unit = unit_of(value) or self.unit
        elif letter == "Q":
            self.bar.tempo = tempo_of(value, self.length_unit)
        elif letter == "K":
            key = parse_key(value)
            self.fifths = key.fifths if key else 0
            self.body = True

    @property
    def length_unit(self) -> Fraction:
        return self.unit or unit_for(self.metre)

    def sound(self, text: str) -> None:
        """A note or a rest of one unit; a length may follow."""
        if self.grace:
            return
        if self.chord is not None:
            if text in "zxZX":
                return
            self.chord.append(self.pitch(text))
            if len(self.chord) > 1:
                last = self.bar.sounds[-1]
                self.bar.sounds[-1] = replace(last, pitches=(*last.pitches, self.chord[-1]))
                return
            pitches: tuple[int, ...] = (self.chord[0],)
        else:
            pitches = () if text in "zxZX" else (self.pitch(text),)
        left, factor = self.tuplet
        length = self.length_unit * self.broken * (factor if left else 1)
        if text in ("Z", "X"):
            length = self.bar.capacity or length
        self.tuplet, self.broken = (max(0, left - 1), factor), Fraction(1)
        self.bar.sounds.append(Sound(pitches, length))
        self.open = True

    def pitch(self, text: str) -> int:
        accidental, letter, _ = NOTE.match(text).groups()  # type: ignore[union-attr]
        try:
            place = degree(text)
        except CannotMove:  # an octave mark the other way, as in C'
            plain = text.rstrip(",'")
            place = degree(plain) + 7 * (text.count("'") - text.count(","))
        octave, k = divmod(place, 7)
        if accidental:  # holds in every octave until the bar's end
            self.altered[k] = ACCIDENTALS[accidental]
        amount = self.altered.get(k, in_signature(self.fifths, k))
        return MIDDLE_C + 12 * octave + NATURAL[LETTERS.index(letter.upper())] + amount

    def stretch(self, times: Fraction) -> None:
        if self.bar.sounds and (self.chord is None or len(self.chord) == 1):
            last = self.bar.sounds[-1]
            self.bar.sounds[-1] = replace(last, length=last.length * times)

    def break_rhythm(self, text: str) -> None:
        """A > B: the first takes half of the second; >> three quarters of it."""
        share = Fraction(1, 2 ** len(text))
        first, second = (2 - share, share) if text[0] == ">" else (share, 2 - share)
        last = self.bar.sounds[-1]
        self.bar.sounds[-1] = replace(last, length=last.length * first)
        self.broken = second

    def line(self, text: str) -> None:
        """A bar line: the bar ends, unless nothing stands in it."""
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

    def finished(self) -> list[Bar]:
        if self.bar.sounds:
            self.bars.append(self.bar)
            self.bar = Bar(None)
        return self.bars


def numbers(text: str) -> tuple[int, ...]:
    """The passes that an ending is for: 1, or 1,3 or 1-3."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            found += range(int(first), min(int(last or first), int(first) + 9) + 1)
    return tuple(found)


def tuplet_of(text: str, metre: tuple[int, int] | None) -> tuple[int, Fraction]:
    """How many sounds a tuplet has, and what their lengths are multiplied by.

    (3 puts three into the time of two; (p:q:r puts p into the time of q for the next r.
    """
    p, q, r = ([int(n or 0) for n in text[1:].split(":")] + [0, 0])[:3]
    odd = 3 if metre and metre[1] == 8 and metre[0] % 3 == 0 else 2
    usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
    return (r or p), Fraction(q or usual.get(p, odd), max(p, 1))


def odd_bars(bars: list[Bar]) -> list[Bar]:
    """The bars of a voice that are not as long as their metre says.

    The first bar may be shorter, a pickup. Where a part ends in the middle of a bar, the bars on
    both sides of the line may be shorter than the metre, for they belong together.
    """
    odd = []
    for k, bar in enumerate(bars):
        if bar.capacity is None or bar.length == bar.capacity:
            continue
        edge = k == 0 or bar.ends_part or bars[k - 1].ends_part or bar.endings or k == len(bars) - 1
        if bar.length > bar.capacity or not edge:
            odd.append(bar)
    return odd


def performed(bars: list[Bar]) -> list[Bar]:
    """The bars as they are played: parts between repeats twice, or as often as they have endings."""
    out: list[Bar] = []
    start, turn, k = 0, 1, 0
    while k < len(bars) and len(out) < MOST_BARS:
        bar = bars[k]
        if bar.opens.endswith(":") and k != start:
            start, turn = k, 1
        if bar.endings and turn not in bar.endings:
            k += 1  # to the next ending, or behind the part
            while k < len(bars) and not bars[k].endings and not bars[k - 1].ends_part:
                k += 1
            continue
        out.append(bar)
        times = max((n for one in bars[start : k + 2] for n in one.endings), default=2)
        if bar.closes.startswith(":") and turn < times:
            turn, k = turn + 1, start
            continue
        if bar.ends_part:
            start, turn = k + 1, 1
        k += 1
    return out


def abc_score(tune: str) -> Score:
    """What a tune in ABC sounds like, repeats played.

    Example:
        >>> from unroll.tasks.music.abc_bars import abc_score
        >>> score = abc_score("X:1\\nM:2/4\\nL:1/8\\nK:D\\n|:DFAd:|")
        >>> [(float(note.start), note.pitch) for note in score.notes][:3], float(score.length)
        ([(0.0, 62), (0.5, 66), (1.0, 69)], 4.0)
    """
    notes: list[Note] = []
    tempos = [(Fraction(0), QUARTER_A_MINUTE)]
    longest, voices = Fraction(0), read_bars(tune)
    for voice in voices:
        at = Fraction(0)
        held: dict[int, int] = {}  # pitch -> which note goes on
        for bar in performed(voice):
            if bar.tempo and bar.tempo != tempos[-1][1] and voice is voices[0]:
                tempos = [*(t for t in tempos if t[0] < at), (at, bar.tempo)]
            for sound in bar.sounds:
                length = 4 * sound.length
                now: dict[int, int] = {}
                for pitch in sound.pitches:
                    k = held.get(pitch, len(notes))
                    if k < len(notes):
                        notes[k] = notes[k]._replace(length=notes[k].length + length)
                    else:
                        notes.append(Note(at, length, pitch))
                    if sound.tied:
                        now[pitch] = k
                at, held = at + length, now
        longest = max(longest, at)
    key = parse_key(field_value(tune, "K") or "")
    first = voices[0][0] if voices else Bar(None)
    short = first.capacity is not None and first.length < first.capacity
    return Score(
        field_value(tune, "T") or "",
        tuple(sorted(notes)),
        metre_of(field_value(tune, "M") or "") or (4, 4),
        key.fifths if key else 0,
        key is not None and key.mode in ("m", "min", "aeo"),
        tuple(tempos),
        longest,
        4 * first.length if short else Fraction(0),
    )
