"""Which tokens may come next in a tune in ABC, so that its bars add up and it ends as tunes do.

A full bar must be closed. No note may overfill a bar, nor leave a rest of it that the lengths of the
model cannot fill; where these cannot fill any of it, one note takes the whole bar. The tune may begin
with a pickup; then a part may end before the end of a bar, by the length of the pickup, and the next
part completes that bar. A repeated part begins and ends at the same place of the bar; after a double
bar no repeat goes back over it, because readers differ in where it would begin. A tune ends at the
end of a part, without an open repeat.

Notes, rests, triplets, bar lines, chord symbols in quotes, and fields between parts are written; ties,
endings ([1 [2), chords in brackets, grace notes and ornaments are not.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from unroll.tasks.music.abc import AbcPiece
from unroll.tasks.music.abc_fields import parse_length
from unroll.tasks.music.abc_tokens import BEGINS, BOTH, ENDS, TuneTokens
from unroll.tasks.music.preprocessor import BOUNDARY

TRIPLET = Fraction(2, 3)
ONE = Fraction(1)


class TuneRules:
    """The place in a tune, token by token, and what may come there.

    Args:
        tokens: of the run; V is their number.
        metre: the length of a bar, in whole notes.
        unit: the unit of lengths, in whole notes.

    Attributes:
        closing: set it to bring the tune to its end.
        pending: whether a length may follow the last note.
        triplet: how many notes of a triplet are left, and the length that they share.
    """

    def __init__(self, tokens: TuneTokens, metre: Fraction, unit: Fraction) -> None:
        self.tokens, self.metre, self.unit = tokens, metre, unit
        self.at = Fraction(0)  # place in the bar, in whole notes
        self.first, self.pickup = True, Fraction(0)
        self.open = False  # a repeat is open
        self.again = True  # it is clear where a repeat without a beginning begins
        self.part = Fraction(0)  # place in the bar where the part began
        self.part_open = True  # the part began with the tune: a pickup decides where
        self.pending = False
        self.triplet: tuple[int, Fraction | None] = (0, None)
        self.last = "start"
        self.fresh = True  # no note since the last bar line
        self.closed = False  # the last bar line ended a part
        self.closing = False
        self.sizes = sorted({ONE, *tokens.lengths.values()})
        self.fillable = reachable_sums([size * unit for size in self.sizes], metre)

    @property
    def room(self) -> Fraction:
        """How much of the bar, or of the rest of the tune in it, is left, in whole notes."""
        goal = self.metre
        before = self.at < self.part or (self.at == self.part and not self.fresh)
        if self.closing and self.open and self.part and before:
            goal = self.part
        return goal - self.at

    def fits(self, size: Fraction) -> bool:
        """Whether a note of so many units fits here."""
        left, same = self.triplet
        if left:
            if same is not None:
                return size == same
            return self.room - 2 * size * self.unit in self.fillable
        return self.room - size * self.unit in self.fillable

    def allowed(self) -> np.ndarray:
        """Which tokens may come next, bool [V]; none where `forced` gives what must come."""
        may = np.zeros(len(self.tokens.pieces), dtype=bool)
        if self.pending:
            may[[k for k, size in self.tokens.lengths.items() if self.fits(size)]] = True
            if not self.fits(ONE):
                return may
            kept = vars(self).copy()
            self._commit(ONE)
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
            may |= self._bar_lines()
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

    def _bar_lines(self) -> np.ndarray:
        """Which bar lines may come here, bool [V]."""
        masks = self.tokens.masks
        none = np.zeros(len(self.tokens.pieces), dtype=bool)
        full = self.at == self.metre
        is_short = 0 < self.pickup == self.metre - self.at
        if self.first and not full:
            begin = masks["begin"] if not self.open and not self.closing else none
            return masks["bar"] | begin
        if not full and not is_short:
            return none
        may = masks["bar"].copy() if full else none
        # a repeated part begins and ends at the same place
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
            # a repeat that cannot end here continues to where it can
            may = may if self.open and self.part != self.at % self.metre else final
        return may

    def forced(self) -> str:
        """What must come where no token may: a length that fills the bar, or a bar line."""
        if self.pending and not self.fits(ONE):
            return length_text(self.room / self.unit)
        if self.pending:
            self._commit(ONE)
        if self.last == "line" and self.closed:
            return "\n"
        if self.room > 0:
            return "z" + length_text(self.room / self.unit)
        if self.open and self.part == self.at % self.metre:
            return ":|"
        return "|]" if self.closing and not self.open else "|"

    def read(self, piece: AbcPiece | None) -> None:
        """Move on after a token. piece: what it is; None for the boundary."""
        if piece is None:
            return
        if self.pending and piece.kind == "length":
            self._commit(parse_length(piece.text))
            return
        if self.pending:
            self._commit(ONE)
        if piece.kind in ("note", "rest"):
            self.pending = True
            self.last = "note"
        elif piece.kind == "tuplet":
            self.triplet, self.last = (3, None), "triplet"
        elif piece.kind == "bar":
            self._read_bar_line(piece.text)
        elif piece.kind == "chord":
            self.last = "chord"
        elif piece.text == " ":
            self.last = "space" if self.last == "note" else "gap"
        elif piece.kind == "field":
            self.last = "field"
        else:
            self.last = "newline"

    def _commit(self, size: Fraction) -> None:
        """Give the last note a length of so many units."""
        left, same = self.triplet
        self.pending = self.fresh = False
        self.at += size * self.unit * (TRIPLET if left else 1)
        self.triplet = (left - 1, size if same is None else same) if left else (0, None)

    def _read_bar_line(self, text: str) -> None:
        """Move on after a bar line: the bar ends, or its part does."""
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


def reachable_sums(sizes: list[Fraction], most: Fraction) -> set[Fraction]:
    """All sums up to `most` of these sizes, each as often as wanted; 0 is one of them.

    Examples:
        >>> from fractions import Fraction
        >>> from unroll.tasks.music.abc_rules import reachable_sums
        >>> sorted(map(float, reachable_sums([Fraction(1, 2), Fraction(3, 4)], Fraction(3, 2))))
        [0.0, 0.5, 0.75, 1.0, 1.25, 1.5]
    """
    found, new = {Fraction(0)}, {Fraction(0)}
    while new:
        new = {total + size for total in new for size in sizes if total + size <= most} - found
        found |= new
    return found


def length_text(units: Fraction) -> str:
    """A length as ABC writes it: nothing for 1, 2, 3/2, /2.

    Examples:
        >>> from fractions import Fraction
        >>> from unroll.tasks.music.abc_rules import length_text
        >>> length_text(Fraction(1)), length_text(Fraction(1, 2)), length_text(Fraction(3, 2))
        ('', '/2', '3/2')
    """
    above = "" if units.numerator == 1 else str(units.numerator)
    return above if units.denominator == 1 else f"{above}/{units.denominator}"
