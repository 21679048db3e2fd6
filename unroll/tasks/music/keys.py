"""Keys, and the exact transposition of a tune in ABC from one key to another.

Notes lie on the line of fifths, ... Bb F C G D A E B F# ..., and a key is seven neighbours on it. An
interval of (steps of the staff, semitones) moves every note by 7 * semitones - 12 * steps fifths. So a
note without an accidental stays without one, and an accidental raises or lowers its note against the
key as much as before: transposing back gives the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from unroll.tasks.music.abc import AbcPiece, split_pieces

LETTERS = "CDEFGAB"
NATURAL = (0, 2, 4, 5, 7, 9, 11)  # semitones above C
FIFTHS = (1, 3, 5, 0, 2, 4, 6)  # of each letter, from F
# sharps of the key on C, by the first three letters of its mode
MODES = {
    "": 0, "maj": 0, "ion": 0, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3, "phr": -4,
    "loc": -5, "lyd": 1,
}  # fmt: skip
MINOR_MODES = ("m", "min", "aeo")
# repetitions are possessive (*+), so that no text makes a search quadratic
KEY = re.compile(r"(\s*+)([A-G])([#b]?)(\s*+)([A-Za-z]*+)(\s*+(?:%.*)?)$")
NOTE = re.compile(r"(__|_|=|\^\^|\^|)([A-Ga-g])(,*|'*)$")
CHORD = re.compile(r"([\"(\s]*)([A-G])([#b]?)([^/]*?)(?:/([A-Ga-g])([#b+]?))?([)\s]*\")$")
SUFFIX = re.compile(r"(?:maj|min|dim|aug|sus|add|m|d|\+|-|°|[0-9]|b[59]|#[59]|[A-Ga-g](?=\d))*+$")
LONGEST_CHORD = 100  # characters
ACCIDENTALS = {"__": -2, "_": -1, "=": 0, "^": 1, "^^": 2}
SIGNS = {amount: sign for sign, amount in ACCIDENTALS.items()}


@dataclass(frozen=True)
class Key:
    """A key by its tonic and mode.

    Attributes:
        letter: of its tonic, 0 for C to 6 for B.
        alteration: of its tonic: -1 flat, 0, 1 sharp.
        mode: at most three letters, "" for major: m, mix, dor, ...
    """

    letter: int
    alteration: int
    mode: str

    @property
    def fifths(self) -> int:
        """Sharps of its signature; flats are negative."""
        return fifths_of(self.letter, self.alteration) - 1 + MODES[self.mode]

    @property
    def name(self) -> str:
        """As musicians write it: F#m."""
        return LETTERS[self.letter] + {-1: "b", 0: "", 1: "#"}[self.alteration] + self.mode


class Interval(NamedTuple):
    """An interval; both numbers count upwards.

    Attributes:
        steps: of the staff.
        semitones: of the pitch.
    """

    steps: int
    semitones: int

    @property
    def fifths(self) -> int:
        """How far it goes along the line of fifths."""
        return 7 * self.semitones - 12 * self.steps


class CannotTranspose(Exception):
    """Why a tune cannot be written in another key."""


def fifths_of(letter: int, alteration: int) -> int:
    """The place of a note on the line of fifths; F is 0. alteration: -1 flat, 1 sharp."""
    return FIFTHS[letter] + 7 * alteration


def signature_alteration(fifths: int, letter: int) -> int:
    """How the signature of a key alters a letter: -1 flat, 0, 1 sharp.

    Args:
        fifths: sharps of the signature; flats are negative.
        letter: 0 for C to 6 for B.
    """
    return (fifths + 6 - FIFTHS[letter]) // 7


def parse_key(value: str) -> Key | None:
    """The key that a K: field names; None where it has no tonic or no known mode.

    Examples:
        >>> from unroll.tasks.music.keys import parse_key
        >>> parse_key("F#m").fifths, parse_key("D mixolydian").fifths, parse_key("none")
        (3, 1, None)
    """
    match = KEY.match(value)
    if match is None:
        return None
    mode = "" if match[5] == "M" else match[5][:3].lower()
    if mode not in MODES:
        return None
    return Key(LETTERS.index(match[2]), {"": 0, "#": 1, "b": -1}[match[3]], mode)


def transpose_key(value: str, by: Interval) -> str:
    """The value of a K: field, an interval higher.

    Raises:
        CannotTranspose: where there is no such key.
    """
    key, found = parse_key(value), KEY.match(value)
    if key is None or found is None:
        raise CannotTranspose(f"K:{value} does not name a key with a tonic and a mode")
    letter, alteration = transpose_letter(key.letter, key.alteration, by)
    if abs(alteration) > 1 or abs(key.fifths + by.fifths) > 7:
        raise CannotTranspose("the key would have more than seven sharps or flats")
    sign = {-1: "b", 0: "", 1: "#"}[alteration]
    return found[1] + LETTERS[letter] + sign + "".join(found.group(4, 5, 6))


def transpose_letter(letter: int, alteration: int, by: Interval) -> tuple[int, int]:
    """A letter and its alteration, an interval higher."""
    new = (letter + by.steps) % 7
    at = fifths_of(letter, alteration) + by.fifths
    return new, (at - FIFTHS[new]) // 7


@lru_cache(maxsize=1 << 16)
def staff_place(text: str) -> int:
    """The place of a note on the staff, 0 for C, 7 for c; its accidental does not matter.

    Raises:
        CannotTranspose: for a note that cannot be moved and moved back.
    """
    found = NOTE.match(text)
    if found is None:
        raise CannotTranspose(f"the note {text} has more than two accidentals")
    _, letter, marks = found.groups()
    if marks and (marks[0] == ",") != letter.isupper():
        raise CannotTranspose(f"the note {text} is written an octave off")
    octave = 1 if letter.islower() else 0
    octave += -len(marks) if marks.startswith(",") else len(marks)
    return LETTERS.index(letter.upper()) + 7 * octave


def note_at(place: int, accidental: str) -> str:
    """The note at a place on the staff, as ABC writes it."""
    octave, letter = divmod(place, 7)
    if octave >= 1:
        return accidental + LETTERS[letter].lower() + "'" * (octave - 1)
    return accidental + LETTERS[letter] + "," * -octave


@lru_cache(maxsize=1 << 16)
def transpose_note(text: str, fifths: int, by: Interval) -> str:
    """A note an interval higher.

    Args:
        text: the note in ABC.
        fifths: of the key that it is in.
        by: the interval.

    Raises:
        CannotTranspose: where it would need three accidentals.
    """
    place = staff_place(text)
    accidental = NOTE.match(text)[1]  # type: ignore[index]
    new = place + by.steps
    if accidental:
        amount = ACCIDENTALS[accidental] - signature_alteration(fifths, place % 7)
        amount += signature_alteration(fifths + by.fifths, new % 7)
        if amount not in SIGNS:
            raise CannotTranspose(f"the note {text} would need three accidentals")
        accidental = SIGNS[amount]
    return note_at(new, accidental)


def match_chord(text: str) -> re.Match[str] | None:
    """The parts of a chord symbol in quotes, as `CHORD` has them; None for a remark or long text."""
    return CHORD.match(text) if len(text) <= LONGEST_CHORD else None


@lru_cache(maxsize=1 << 16)
def transpose_chord(text: str, by: Interval) -> str:
    """A chord symbol in quotes an interval higher; a remark in quotes stays.

    Raises:
        CannotTranspose: for other text in quotes, and chords that would need two accidentals.
    """
    if text[1:2] in ("^", "_", "<", ">", "@") or not text.strip('" '):
        return text  # a remark, by the standard
    found = match_chord(text)
    if found is None or not SUFFIX.match(found[4].strip()):
        raise CannotTranspose(f"{text} is not a chord")

    def transpose_root(letter: str, sign: str) -> str:
        """The root or the bass note of the chord, an interval higher.

        Raises:
            CannotTranspose: where the chord would need two accidentals.
        """
        alteration = {"": 0, "#": 1, "+": 1, "b": -1}[sign]
        new, amount = transpose_letter(LETTERS.index(letter.upper()), alteration, by)
        if abs(amount) > 1:
            raise CannotTranspose(f"the chord {text} would need two accidentals")
        sharp = "+" if letter.islower() else "#"
        root = LETTERS[new].lower() if letter.islower() else LETTERS[new]
        return root + {-1: "b", 0: "", 1: sharp}[amount]

    new = found[1] + transpose_root(found[2], found[3]) + found[4]
    if found[5]:
        new += "/" + transpose_root(found[5], found[6])
    return new + found[7]


def transpose_tune(tune: str, by: Interval) -> str:
    """A tune an interval higher: its keys, notes and chords; all other text stays.

    Raises:
        CannotTranspose: with the reason, where it cannot be written so.

    Examples:
        >>> from unroll.tasks.music.keys import Interval, transpose_tune
        >>> transpose_tune('X:1\\nK:G\\n"D7"F^Gc|', Interval(1, 2))
        'X:1\\nK:A\\n"E7"G^Ad|'
    """
    fifths: int | None = None
    parts = []
    for piece in split_pieces(tune):
        new, fifths = transpose_piece(piece, fifths, by)
        parts.append(new)
    return "".join(parts)


def transpose_piece(piece: AbcPiece, fifths: int | None, by: Interval) -> tuple[str, int | None]:
    """A piece an interval higher, and the fifths of the key after it. fifths: of the key before it.

    Raises:
        CannotTranspose: where a voice has its own clef, or a key, note or chord cannot be moved.
    """
    text = piece.text
    if piece.kind in ("field", "inline"):
        head = text.index(":") + 1
        tail = len(text.rstrip("\n]")) if piece.kind == "inline" else len(text.rstrip("\n"))
        if text[head - 2] == "K":
            value = text[head:tail]
            key = parse_key(value)
            new = text[:head] + transpose_key(value, by) + text[tail:]
            return new, key.fifths if key else None
        if text[head - 2] == "V" and "clef" in text:
            raise CannotTranspose("a voice has its own clef")
        return text, fifths
    if fifths is None:
        return text, None
    if piece.kind == "note":
        return transpose_note(text, fifths, by), fifths
    return (transpose_chord(text, by) if piece.kind == "chord" else text), fifths


def interval_between(old: Key, new: Key) -> Interval:
    """The smallest interval from one tonic to another."""
    steps = (new.letter - old.letter) % 7
    semitones = NATURAL[new.letter] + new.alteration - NATURAL[old.letter] - old.alteration
    semitones += 12 if new.letter < old.letter else 0
    return Interval(steps - 7, semitones - 12) if semitones > 6 else Interval(steps, semitones)
