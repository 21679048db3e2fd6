"""ABC, the notation of folk tunes: the tunes of a file, and the pieces of a tune.

    X: 7                      the header: one field per line, from X: (number) to K: (key)
    T:Black Nag
    M:6/8
    L:1/8
    K:Am
    E|:"Am"A2c "G"B2d|...     the body: bars, chords in quotes, notes, and lengths in units of L:

The standard: https://abcnotation.com/wiki/abc:standard:v2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from unroll.data.files.lines import numbered_lines
from unroll.data.problems import Problems
from unroll.data.skipped import CollectedProblems
from unroll.errors import UserError

# the kinds of pieces, tried in this order; `other` is any single character, so nothing is lost
INLINE = r"(?P<inline>  \[[A-Za-z]:[^\]\n]*\] ) |"
PIECES = r"""
    (?P<field>   ^[A-Za-z]:(?![|:\]])[^\n]*\n? )
  | (?P<comment> %[^\n]*\n? )
  | INLINE
    (?P<chord>   "[^"\n]*" )
  | (?P<note>    [_^=]{0,2}[A-Ga-g][,']* )
  | (?P<rest>    [zxZX] )
  | (?P<length>  \d+/*\d* | /+\d* )
  | (?P<tuplet>  \(\d(?::\d*){0,2} )
  | (?P<bar>     :*(?:\[\||\|)[|:\]]* | ::+ )
  | (?P<ending>  \[\d+(?:[,-]\d+)* )
  | (?P<sign>    ![^!\n]*! | [<>]+ | [~.] )
  | (?P<other>   \\\n | .|\n )
    """
LINE = re.compile(r"[^\n]*\n|[^\n]+")
SYNTAX = re.VERBOSE | re.MULTILINE | re.DOTALL
PIECE = re.compile(PIECES.replace("INLINE", INLINE), SYNTAX)
# for what follows the last ] of a line: every [a: there would look for its ] to the end of the line
PIECE_AFTER_BRACKETS = re.compile(PIECES.replace("INLINE", ""), SYNTAX)
REMEMBERED = 2048  # tunes whose pieces are kept, about 60 MB


class AbcPiece(NamedTuple):
    """A piece of a tune.

    Attributes:
        kind: field, comment, inline, chord, note, rest, length, tuplet, bar, ending, sign or other.
        text: as it is in the tune.
    """

    kind: str
    text: str


@lru_cache(maxsize=REMEMBERED)
def split_pieces(tune: str) -> tuple[AbcPiece, ...]:
    """Split a tune into pieces; their texts joined are the tune.

    Examples:
        >>> from unroll.tasks.music.abc import split_pieces
        >>> [piece.text for piece in split_pieces('M:6/8\\nK:G\\n"G"B2^c|')]
        ['M:6/8\\n', 'K:G\\n', '"G"', 'B', '2', '^c', '|']
    """
    return tuple(
        AbcPiece(str(match.lastgroup), match[0])
        for line in LINE.findall(tune)
        for match in line_pieces(line)
    )


def line_pieces(line: str) -> Iterator[re.Match[str]]:
    """The pieces of one line with its line end; no piece goes over it."""
    last, at = line.rfind("]"), 0
    for match in PIECE.finditer(line):
        if match.start() > last:
            break
        yield match
        at = match.end()
    yield from PIECE_AFTER_BRACKETS.finditer(line, at)


def notes_of(tune: str) -> list[AbcPiece]:
    """The notes in the body of a tune in ABC."""
    start, at, notes = body_start(tune), 0, []
    for piece in split_pieces(tune):
        if at >= start and piece.kind == "note":
            notes.append(piece)
        at += len(piece.text)
    return notes


def field_value(tune: str, letter: str) -> str | None:
    """The value of the first field with this letter; None where there is no such field."""
    found = re.search(rf"^{letter}:(?![|:\]])([^\n%]*)", tune, re.MULTILINE)
    return None if found is None else found[1].strip()


def body_start(tune: str) -> int:
    """Where the body of a tune begins: after the first K: field."""
    found = re.search(r"^K:(?![|:\]])[^\n]*\n?", tune, re.MULTILINE)
    return len(tune) if found is None else found.end()


@dataclass(frozen=True)
class Tune:
    """A tune of a file.

    Attributes:
        text: in ABC, or as words of MIDI.
        where: its file and line, for sentences.
        file: that it is from.
    """

    text: str
    where: str
    file: str = ""


def abc_tunes(path: Path, name: str, problems: Problems) -> Iterator[Tune]:
    """The tunes of an ABC file: each from its X: to the next one, without blank lines at its end.

    Line ends are read as \\n.

    Args:
        path: the file, or .gz.
        name: its name in sentences.
        problems: takes a tune without a K: field, without a note after it, or with a line that is not
            UTF-8; a file without a tune; and the end of a damaged file.
    """
    tune: list[str] = []
    begun, count, broken = 0, 0, ""
    bad_lines = CollectedProblems()

    def read_lines() -> Iterator[tuple[int, str]]:
        """The lines with their numbers, as far as the file can be read."""
        nonlocal broken
        try:
            yield from numbered_lines(path, name, bad_lines)
        except UserError as error:  # UTF-16, half a .gz, cannot be read
            broken = str(error)

    def checked_tune() -> Iterator[Tune]:
        """The tune that has been collected, unless it is bad."""
        text = "\n".join(tune).rstrip() + "\n"
        where = f"{name}, line {begun}"
        if bad_lines.sentences:
            problems.bad(bad_lines.sentences[0])
        elif field_value(text, "K") is None:
            problems.bad(f"{where}: the tune has no K: field; expected its key, such as K:G.")
        elif not notes_of(text):
            problems.bad(f"{where}: the tune has no notes after its K: field; expected notes.")
        else:
            yield Tune(text, where, name)

    for number, line in read_lines():
        if line.startswith("X:"):
            if tune:
                yield from checked_tune()
            bad_lines.sentences.clear()
            tune, begun, count = [], number, count + 1
        if begun:
            tune.append(line)
    if broken:  # the last tune may be incomplete
        problems.bad(broken)
        return
    if tune:
        yield from checked_tune()
    if not count:
        what = f"{name} holds no tune in ABC; expected an X: field where each tune begins."
        problems.bad(bad_lines.sentences[0] if bad_lines.sentences else what)
