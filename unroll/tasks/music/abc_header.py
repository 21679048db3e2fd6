"""The header of a new tune in ABC: given fields, and those that the network draws."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from unroll.tasks.music.abc_fields import default_unit, parse_metre, parse_unit
from unroll.tasks.music.prompt import NOT_A_FIELD, is_usable_field
from unroll.tasks.music.token_writer import TokenWriter

TEXT_FIELDS = "TCSRONAZ"  # fields of free text, which are written character by character
LONGEST_FIELD = 60  # characters
MOST_FIELDS = 10  # of a header
DEFAULTS = {"M": "4/4", "K": "C"}  # of a network that knows no such field; others: "Tune"


class HeaderWriter:
    """Writes the header of a tune: X: first, K: last, between them what the network draws.

    V is the number of tokens.

    Args:
        writer: writes tokens.
        given: the fields that the header must have, by letter.
    """

    def __init__(self, writer: TokenWriter, given: dict[str, str]) -> None:
        self.writer, self.given, self.preprocessor = writer, given, writer.preprocessor
        size, first = len(self.preprocessor), len(self.preprocessor) - len(self.preprocessor.tokens)
        self.fields: dict[str, np.ndarray] = {}  # by letter: tokens that are a field, bool [V]
        self.heads: dict[str, int] = {}  # by letter: the token that begins a field
        self.characters = np.zeros(size, dtype=bool)  # single characters of free text, bool [V]
        for k, token in enumerate(self.preprocessor.tokens, first):
            if token.endswith("\n") and re.match(r"[A-Z]:|%(?!%)", token):
                if is_usable_token(token):
                    mask = self.fields.setdefault(token[0], np.zeros(size, dtype=bool))
                    mask[k] = True
            elif len(token) == 2 and token[1] == ":" and token[0] in TEXT_FIELDS:
                self.heads[token[0]] = k
            elif len(token) == 1 and token.isprintable() and token not in NOT_A_FIELD:
                self.characters[k] = True
        self.missing = set(given) - {"X", "K"}

    def write(self) -> tuple[Fraction, Fraction]:
        """Write the header.

        Returns:
            The length of a bar and the unit of lengths, in whole notes.
        """
        number = self.given.get("X", "1")
        self._write_line("X", number)
        done = {"X", "P", "V", "W", "Q", "Y", "N"} - self.missing
        lines, written = 0, {"X": number}
        while "K" not in written:
            lines += 1
            letter = self._next_letter(done, written, may_draw=lines < MOST_FIELDS)
            done.add(letter)
            self.missing.discard(letter)
            written[letter] = self._write_field(letter)
        metre = parse_metre(written["M"]) or (4, 4)
        unit = parse_unit(written["L"]) if "L" in written else default_unit(metre)
        return Fraction(*metre), unit or default_unit(metre)

    def _next_letter(self, done: set[str], written: dict[str, str], may_draw: bool) -> str:
        """The letter of the next field: drawn by the network, or of a field that is missing."""
        missing = [letter for letter in "TM" if letter not in written]
        missing += sorted(self.missing - set(missing))
        starts = np.zeros(len(self.preprocessor), dtype=bool)
        for letter in {*self.fields, *self.heads} - done:
            if letter == "K" and missing:
                continue
            if letter in self.fields:
                starts |= self.fields[letter]
            if letter in self.heads:
                starts[self.heads[letter]] = True
        if may_draw and starts.any():
            id = self.writer.sample(starts)
            return self.preprocessor.bytes_of(id).decode()[0]
        return (missing or ["K"])[0]

    def _write_field(self, letter: str) -> str:
        """Write a field, with its given value or one that the network draws, and return the value."""
        if letter in self.given:
            return self._write_line(letter, self.given[letter])
        fields, head = self.fields.get(letter), self.heads.get(letter)
        may = np.zeros(len(self.preprocessor), dtype=bool)
        if fields is not None:
            may |= fields
        if head is not None:
            may[head] = True
        if not may.any():
            return self._write_line(letter, DEFAULTS.get(letter, "Tune"))
        id = self.writer.draw(may)
        if id != head:
            return self.preprocessor.bytes_of(id).decode()[2:].strip()
        return self._draw_text()

    def _draw_text(self) -> str:
        """Draw the text of a field character by character, to the end of its line."""
        end = self.preprocessor.id_of("\n")
        value = ""
        while len(value) < LONGEST_FIELD and self.characters.any():
            may = self.characters.copy()
            if value.strip() and end is not None:
                may[end] = True
            id = self.writer.draw(may)
            if id == end:
                return value.strip()
            value += self.preprocessor.bytes_of(id).decode()
        self.writer.add("\n")
        return value.strip()

    def _write_line(self, letter: str, value: str) -> str:
        """Write a field with this value, with or without a space as the training set has it."""
        spaced = f"{letter}: {value}\n"
        known = self.preprocessor.id_of(spaced) is not None
        self.writer.add(spaced if known else f"{letter}:{value}\n")
        return value


def is_usable_token(token: str) -> bool:
    """Whether a token that is a whole field has a value that a tune can be built on."""
    letter, value = token[0], token[2:].partition("%")[0].strip()
    return letter in "%" or (letter in TEXT_FIELDS + "KLM" and is_usable_field(letter, value))
