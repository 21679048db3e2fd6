"""What may come next in a tune in ABC so that its bars add up and it ends as tunes do.

A bar that is full must be closed; no note may overfill one, nor leave a rest of it that the lengths
of the model cannot fill; where they fill none of it, one note takes it whole. The tune may begin
with a pickup of p; then a part may end that much before the end of a bar, which the next part
completes. What is repeated begins and ends at the same place of the bar; from a double bar on
nothing is, because readers differ in where that would begin. A tune ends at the end of a part, with
no repeat left open.

Written are notes, rests, triplets, bar lines, chords in quotes, and fields between parts; not ties,
endings ([1 [2), chords in brackets, grace notes and ornaments.
"""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from unroll.tasks.music.abc import Piece, pieces
from unroll.tasks.music.abc_bars import length_of
from unroll.tasks.music.keys import CHORD
from unroll.tasks.music.preprocessor import BOUNDARY, MusicPreprocessor

BEGINS = ("|:", "||:")
ENDS = (":|", ":||", ":|]")
DOUBLE = ("||", "|]")
BOTH = ("::", ":|:", ":||:")
TRIPLET = Fraction(2, 3)
LENGTHS = re.compile(r"\d*/?\d*$")
ONE = Fraction(1)


class TuneTokens:
    """The tokens of a preprocessor by what they are in the body of a tune: masks [V], and lengths."""

    def __init__(self, preprocessor: MusicPreprocessor) -> None:
        self.kind: list[Piece | None] = [None] * len(preprocessor)
        kinds = ("note", "rest", "chord", "field", "triplet", "space", "newline", *LINES)
        self.masks = {name: np.zeros(len(preprocessor), dtype=bool) for name in kinds}
        self.lengths: dict[int, Fraction] = {}
        for k, token in enumerate(
            preprocessor.tokens, len(preprocessor) - len(preprocessor.tokens)
        ):
            found = pieces(token)
            if len(found) != 1:
                continue
            piece = self.kind[k] = found[0]
            if piece.kind == "length" and LENGTHS.match(token) and length_of(token) > 0:
                self.lengths[k] = length_of(token)
            name = self.named(piece)
            if name is not None:
                self.masks[name][k] = True

    @staticmethod
    def named(piece: Piece) -> str | None:
        """Which mask a piece belongs to; None for what is never written."""
        kind, text = piece.kind, piece.text
        if kind == "bar":
            return next((name for name, texts in LINES.items() if text in texts), None)
        if kind == "note" or (kind == "rest" and text == "z"):
            return kind
        if kind == "chord":
            return kind if CHORD.match(text) else None
        if kind == "field":
            return kind if text[:2] in ("P:", "K:") and text.endswith("\n") else None
        if kind == "tuplet":
            return "triplet" if text == "(3" else None
        return {" ": "space", "\n": "newline", "\\\n": "newline"}.get(text)


LINES = {"bar": ("|",), "begin": BEGINS, "end": ENDS, "double": DOUBLE, "both": BOTH}


class TuneRules:
    """Where a tune is, token by token. metre, unit: in whole notes, as M: and L: say.

    closing: from here on the tune is brought to its end.
    """

    def __init__(self, tokens: TuneTokens, metre: Fraction, unit: Fraction) -> None:
        self.tokens, self.metre, self.unit = tokens, metre, unit
        self.at = Fraction(0)  # the place in the bar
        self.first, self.pickup = True, Fraction(0)
        self.open = False  # a repeat
        self.again = True  # where a repeat without a beginning would begin is plain
        self.part = Fraction(0)  # where in the bar the part began
        self.part_open = True  # the part began with the tune: a pickup will say where
        self.pending = False  # a note was written whose length may follow
        self.triplet: tuple[int, Fraction | None] = (0, None)
        self.last = "start"
        self.fresh = True  # no note since the last line
        self.closed = False  # the last bar line ended a part
        self.closing = False
        self.done = False
        self.sizes = sorted({ONE, *tokens.lengths.values()})
        self.fillable = sums([size * unit for size in self.sizes], metre)

    # what fits

    @property
    def room(self) -> Fraction:
        """How much the bar, or what is left of the tune in it, takes."""
        goal = self.metre
        before = self.at < self.part or (self.at == self.part and not self.fresh)
        if self.closing and self.open and self.part and before:
            goal = self.part
        return goal - self.at

    def fits(self, size: Fraction) -> bool:
        """Whether a note of so many units can stand here."""
        left, same = self.triplet
        if left:
            if same is not None:
                return size == same
            return self.room - 2 * size * self.unit in self.fillable
        return self.room - size * self.unit in self.fillable

    # what may come

    def allowed(self) -> np.ndarray:
        """Which tokens may come next, [V] bool; none where `forced` says what must."""
        may = np.zeros(len(self.tokens.kind), dtype=bool)
        if self.pending:
            may[[k for k, size in self.tokens.lengths.items() if self.fits(size)]] = True
            if not self.fits(ONE):
                return may
            kept = vars(self).copy()
            self.commit(ONE)
            may |= self.allowed()
            vars(self).update(kept)
            return may
        masks, last = self.tokens.masks, self.last
        if self.triplet[0]:
            return may | masks["note"]
        if self.room > 0:
            may |= masks["note"]
            if last not in ("triplet", "chord"):
                may |= masks["rest"] | masks["chord"]
            if any(self.room - 2 * size * self.unit in self.fillable for size in self.sizes):
                may |= masks["triplet"]
        if last in ("chord", "triplet"):
            return may
        if last in ("note", "line"):
            may |= masks["space"]
        if last in ("note", "space"):
            may |= self.lines()
        if last == "start" and not self.closing:
            may |= masks["begin"]
        if last == "line":
            may |= masks["newline"]
        if last == "newline" and self.closed:
            if not self.closing:
                may |= masks["field"]
            if not self.open:
                may[BOUNDARY] = True
                if self.closing:
                    may[:] = False
                    may[BOUNDARY] = True
        if self.closing and last == "line" and self.closed and not self.open:
            may &= masks["newline"]
        return may

    def lines(self) -> np.ndarray:
        """Which bar lines may come here."""
        masks = self.tokens.masks
        none = np.zeros(len(self.tokens.kind), dtype=bool)
        full = self.at == self.metre
        cut = 0 < self.pickup == self.metre - self.at
        if self.first and not full:
            begin = masks["begin"] if not self.open and not self.closing else none
            return masks["bar"] | begin
        if not full and not cut:
            return none
        may = masks["bar"].copy() if full else none
        # what is repeated begins and ends at the same place
        if self.at % self.metre == self.part and (self.open or self.again):
            may |= masks["end"]
            if not self.closing:
                may |= masks["both"]
        if not self.open:
            may |= masks["double"]
            if not self.closing:
                may |= masks["begin"]
        if self.closing:
            final = may & (masks["end"] if self.open else ~masks["bar"])
            # a repeat that cannot end here goes on to where it can
            may = may if self.open and self.part != self.at % self.metre else final
        return may

    def forced(self) -> str:
        """What must come where no token may: a length that fills the bar, or a line."""
        if self.pending and not self.fits(ONE):
            return length_text(self.room / self.unit)
        if self.pending:
            self.commit(ONE)
        if self.last == "line" and self.closed:
            return "\n"
        if self.room > 0:
            return "z" + length_text(self.room / self.unit)
        if self.open and self.part == self.at % self.metre:
            return ":|"
        return "|]" if self.closing and not self.open else "|"

    # what came

    def read(self, piece: Piece | None) -> None:
        """A token came. piece: what it is; None for the boundary."""
        if piece is None:
            self.done = True
            return
        if self.pending and piece.kind == "length":
            self.commit(length_of(piece.text))
            return
        if self.pending:
            self.commit(ONE)
        if piece.kind in ("note", "rest"):
            self.pending = True
            self.last = "note"
        elif piece.kind == "tuplet":
            self.triplet, self.last = (3, None), "triplet"
        elif piece.kind == "bar":
            self.line(piece.text)
        elif piece.kind == "chord":
            self.last = "chord"
        elif piece.text == " ":
            self.last = "space" if self.last == "note" else "gap"
        elif piece.kind == "field":
            self.last = "field"
        else:
            self.last = "newline"

    def commit(self, size: Fraction) -> None:
        """The last note has so many units."""
        left, same = self.triplet
        self.pending = self.fresh = False
        self.at += size * self.unit * (TRIPLET if left else 1)
        self.triplet = (left - 1, size if same is None else same) if left else (0, None)

    def line(self, text: str) -> None:
        """A bar line: the bar ends, or is cut."""
        begins = text in BEGINS or text in BOTH
        if self.last == "start":  # a repeat from the very start
            self.open, self.last = True, "line"
            return
        self.last, self.fresh = "line", True
        here = self.at % self.metre
        if self.first:
            self.first = False
            if here:
                self.pickup = here
                if self.part_open:
                    self.part = self.metre - here
                here = Fraction(0)
        self.at = here
        self.closed = text != "|"
        if text != "|":
            self.part, self.part_open = here, False
            self.open = begins
            self.again = begins or text in ENDS


def sums(sizes: list[Fraction], most: Fraction) -> set[Fraction]:
    """What some of these sizes, each as often as wanted, add up to: nothing, and all up to `most`.

    Example:
        >>> from fractions import Fraction
        >>> from unroll.tasks.music.abc_rules import sums
        >>> sorted(map(float, sums([Fraction(1, 2), Fraction(3, 4)], Fraction(3, 2))))
        [0.0, 0.5, 0.75, 1.0, 1.25, 1.5]
    """
    found, new = {Fraction(0)}, {Fraction(0)}
    while new:
        new = {total + size for total in new for size in sizes if total + size <= most} - found
        found |= new
    return found


def length_text(units: Fraction) -> str:
    """A length as ABC writes it: nothing for 1, 2, 3/2, /2.

    Example:
        >>> from fractions import Fraction
        >>> from unroll.tasks.music.abc_rules import length_text
        >>> length_text(Fraction(1)), length_text(Fraction(1, 2)), length_text(Fraction(3, 2))
        ('', '/2', '3/2')
    """
    above = "" if units.numerator == 1 else str(units.numerator)
    return above if units.denominator == 1 else f"{above}/{units.denominator}"
