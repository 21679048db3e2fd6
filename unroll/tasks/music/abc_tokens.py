"""The tokens of a run of ABC by what they are in the body of a tune."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from unroll.tasks.music.abc import AbcPiece, split_pieces
from unroll.tasks.music.abc_fields import parse_length
from unroll.tasks.music.keys import match_chord
from unroll.tasks.music.preprocessor import MusicPreprocessor

# the bar lines that are written, by what they do
BEGINS = ("|:", "||:")
ENDS = (":|", ":||", ":|]")
DOUBLE = ("||", "|]")
BOTH = ("::", ":|:", ":||:")
LINES = {"bar": ("|",), "begin": BEGINS, "end": ENDS, "double": DOUBLE, "both": BOTH}
LENGTHS = re.compile(r"\d*+/?\d*+$")  # lengths that every reader knows: 2, 3/2, /2


class TuneTokens:
    """The tokens of a preprocessor by what they are in the body of a tune.

    Args:
        preprocessor: of tunes in ABC; V is the number of its tokens.

    Attributes:
        pieces: each token that is a single piece [V]; None for the others.
        masks: bool [V] for each kind of piece that may be written: note, rest, chord, field, triplet,
            space, newline, and the kinds of bar lines.
        lengths: the length of each token that is one, in units.
    """

    def __init__(self, preprocessor: MusicPreprocessor) -> None:
        self.pieces: list[AbcPiece | None] = [None] * len(preprocessor)
        kinds = ("note", "rest", "chord", "field", "triplet", "space", "newline", *LINES)
        self.masks = {name: np.zeros(len(preprocessor), dtype=bool) for name in kinds}
        self.lengths: dict[int, Fraction] = {}
        for k, token in enumerate(
            preprocessor.tokens, len(preprocessor) - len(preprocessor.tokens)
        ):
            found = split_pieces(token)
            if len(found) != 1:
                continue
            piece = self.pieces[k] = found[0]
            if piece.kind == "length" and LENGTHS.match(token) and parse_length(token) > 0:
                self.lengths[k] = parse_length(token)
            name = mask_name(piece)
            if name is not None:
                self.masks[name][k] = True


def mask_name(piece: AbcPiece) -> str | None:
    """The mask that a piece belongs to; None for what is never written."""
    kind, text = piece.kind, piece.text
    if kind == "bar":
        return next((name for name, texts in LINES.items() if text in texts), None)
    if kind == "note" or (kind == "rest" and text == "z"):
        return kind
    if kind == "chord":
        return kind if match_chord(text) else None
    if kind == "field":
        return kind if text[:2] in ("P:", "K:") and text.endswith("\n") else None
    if kind == "tuplet":
        return "triplet" if text == "(3" else None
    return {" ": "space", "\n": "newline", "\\\n": "newline"}.get(text)
