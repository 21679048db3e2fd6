"""New tunes in MIDI, valid whatever the network predicts.

Every note that begins ends, and the last bar is complete.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from unroll.errors import UserError
from unroll.tasks.music.abc_fields import parse_metre
from unroll.tasks.music.keys import MINOR_MODES, parse_key
from unroll.tasks.music.midi import KEY, METRE
from unroll.tasks.music.preprocessor import MusicPreprocessor
from unroll.tasks.music.prompt import parse_prompt
from unroll.tasks.music.token_writer import TokenWriter

MOST_NOTES = 6  # that may sound at once
END = "xff2f00"
DEFAULT_HEAD = "1/480\n"  # type, ticks per quarter note


def generate_midi(writer: TokenWriter, prompt: str = "") -> str:
    """Generate a tune of one track as words of MIDI.

    Args:
        writer: of a run of MIDI; nothing is written yet.
        prompt: "K:G", "M:6/8" or both.

    Raises:
        UserError: for a prompt that cannot be followed.
    """
    fields, body = parse_prompt(prompt)
    if body or set(fields) - {"K", "M"}:
        raise UserError(
            f'--prompt got {prompt!r}; expected a key and a metre, "M:6/8 K:G", for a run of MIDI.'
        )
    return TrackWriter(writer, fields).write()


class TrackWriter:
    """Writes a track word by word.

    V is the number of tokens.

    Args:
        writer: writes tokens.
        given: key and metre, as ABC writes them.
    """

    def __init__(self, writer: TokenWriter, given: dict[str, str]) -> None:
        self.writer, self.preprocessor, self.given = writer, writer.preprocessor, given
        self.words = [token_word(self.preprocessor, k) for k in range(len(self.preprocessor))]
        self.now, self.sounding = 0, dict[int, int]()  # by note: the tick at which it began
        self.bar = self.since = 0  # ticks of a bar, and the tick of its metre
        self.last = ""
        self.notes = 0

    def write(self) -> str:
        """Write the first line of the file and the track."""
        first = self._mask(self._may_begin)
        head = DEFAULT_HEAD
        if first.any():
            head = self.preprocessor.bytes_of(self.writer.draw(first)).decode()
        else:
            self.writer.add(head)
        self.ticks = int(head.split("/")[1])
        self._write_event("M", METRE, metre_word(self.given.get("M", "4/4")))
        self._write_event("K", KEY, key_word(self.given.get("K", "C")))
        for _ in range(self.writer.length):
            may = self._mask(self._may_come)
            if not may.any():
                break
            word = self.preprocessor.bytes_of(self.writer.draw(may)).decode()
            if word.startswith(END):
                return self.writer.text
            self._read(word.strip())
        self._close()
        return self.writer.text

    def _may_begin(self, word: str) -> bool:
        """Whether a file may begin so: the bars that are asked for must have whole ticks."""
        found = re.match(r"[01]/(\d+)\n", word)
        metre = metre_word(self.given.get("M", "4/4"))
        return found is not None and has_whole_bars(metre, int(found[1]))

    def _mask(self, may: Callable[[str], bool]) -> np.ndarray:
        """Which tokens are words that may come, bool [V]."""
        return np.array([bool(word) and may(word) for word in self.words])

    def _write_event(self, letter: str, kind: str, word: str) -> None:
        """Write the metre or the key: one that the network draws, unless it is given or unknown.

        Args:
            letter: of the field in a prompt.
            kind: how the words of such events begin.
            word: the given one, or the default.
        """
        found = self._mask(lambda w: w.startswith(kind) and has_whole_bars(w, self.ticks))
        if letter in self.given or not found.any():
            self.writer.add(word + " ")
            self._read(word)
        else:
            self._read(self.preprocessor.bytes_of(self.writer.draw(found)).decode().strip())

    def _may_come(self, word: str) -> bool:
        """Whether this word may come next."""
        body, end = word.strip(), word[-1]
        if end == "\n":
            is_complete = self.notes > 0 and (self.now - self.since) % self.bar == 0
            return body == END and not self.sounding and is_complete
        kind, value = body[0], body[1:]
        if kind not in "+nov" or not value.isdigit():
            return False
        if kind == "+":
            return self.last != "+" and 0 < int(value) <= 4 * self.bar
        note = int(value)
        if kind == "v":
            return self.last not in ("v", "n") and 0 < note < 128
        if kind == "n":
            return note < 128 and note not in self.sounding and len(self.sounding) < MOST_NOTES
        return note in self.sounding and self.sounding[note] < self.now

    def _read(self, word: str) -> None:
        """Move on after a word."""
        kind, value = word[0], word[1:]
        self.last = kind
        if kind == "+":
            self.now += int(value)
        elif kind == "n":
            self.sounding[int(value)] = self.now
            self.notes += 1
        elif kind == "o":
            self.sounding.pop(int(value))
        elif word.startswith(METRE):
            self.bar, self.since = int(bar_ticks(word, self.ticks)), self.now

    def _close(self) -> None:
        """End all notes with the bar, and the track."""
        if not self.notes:
            self.writer.add("v80 n60 ")
            self._read("n60")
        left = -(self.now - self.since) % self.bar
        if any(since == self.now for since in self.sounding.values()) and not left:
            left = self.bar
        if left:
            self.writer.add(f"+{left} ")
            self.now += left
        for note in sorted(self.sounding):
            self.writer.add(f"o{note} ")
        self.writer.add(END + "\n")


def token_word(preprocessor: MusicPreprocessor, id: int) -> str:
    """A token that is a whole word; "" for the others."""
    text = preprocessor.bytes_of(id).decode("utf-8", "replace")
    return text if len(text) > 2 and text[-1] in " \n" else ""


def bar_ticks(word: str, ticks: int) -> Fraction:
    """The ticks of a bar by a word for the metre; its second byte is a power of 2."""
    beats, power = bytes.fromhex(word[len(METRE) : len(METRE) + 4])
    return Fraction(4 * ticks * beats, 2**power)


def has_whole_bars(word: str, ticks: int) -> bool:
    """Whether bars have whole ticks by a word for the metre; true for any other word."""
    if not word.startswith(METRE):
        return True
    bar = bar_ticks(word.strip(), ticks)
    return bar > 0 and bar.denominator == 1


def metre_word(value: str) -> str:
    """The event of a metre that ABC writes so."""
    beats, beat = parse_metre(value) or (4, 4)
    return f"{METRE}{beats:02x}{beat.bit_length() - 1:02x}1808"


def key_word(value: str) -> str:
    """The event of a key that ABC writes so."""
    key = parse_key(value)
    minor = key is not None and key.mode in MINOR_MODES
    sharps = key.fifths if key else 0
    return f"{KEY}{max(-7, min(7, sharps)) % 256:02x}{int(minor):02x}"
