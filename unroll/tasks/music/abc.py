"""ABC, the notation of folk tunes: where a file's tunes are, and the pieces that a tune is made of.

    X: 7                      the header: a field a line, from X: (its number) to K: (its key)
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
from pathlib import Path

from unroll.data.problems import Problems
from unroll.data.records import numbered_lines
from unroll.data.skipped import CollectedProblems
from unroll.errors import UserError

# what a tune falls into, the first that fits; `other` is any one character, so nothing is left over
PIECE = re.compile(
    r"""
    (?P<field>   ^[A-Za-z]:(?![|:\]])[^\n]*\n? )
  | (?P<comment> %[^\n]*\n? )
  | (?P<inline>  \[[A-Za-z]:[^\]\n]*\] )
  | (?P<chord>   "[^"\n]*" )
  | (?P<note>    [_^=]{0,2}[A-Ga-g][,']* )
  | (?P<rest>    [zxZX] )
  | (?P<length>  \d+/*\d* | /+\d* )
  | (?P<tuplet>  \(\d(?::\d*){0,2} )
  | (?P<bar>     :*(?:\[\||\|)[|:\]]* | ::+ )
  | (?P<ending>  \[\d+(?:[,-]\d+)* )
  | (?P<sign>    ![^!\n]*! | [<>]+ | [~.] )
  | (?P<other>   \\\n | .|\n )
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """kind: the name of its group in PIECE. text: as it stands in the tune."""

    kind: str
    text: str


def pieces(tune: str) -> list[Piece]:
    """The pieces of a tune, whose texts one after the other are the tune.

    Example:
        >>> from unroll.tasks.music.abc import pieces
        >>> [piece.text for piece in pieces('M:6/8\\nK:G\\n"G"B2^c|')]
        ['M:6/8\\n', 'K:G\\n', '"G"', 'B', '2', '^c', '|']
    """
    return [Piece(str(match.lastgroup), match[0]) for match in PIECE.finditer(tune)]


def field_value(tune: str, letter: str) -> str | None:
    """What the first field of this letter says, without spaces around it; None where there is none."""
    found = re.search(rf"^{letter}:(?![|:\]])([^\n%]*)", tune, re.MULTILINE)
    return None if found is None else found[1].strip()


def body_start(tune: str) -> int:
    """Where the body begins: behind the first K: field."""
    found = re.search(r"^K:(?![|:\]])[^\n]*\n?", tune, re.MULTILINE)
    return len(tune) if found is None else found.end()


@dataclass(frozen=True)
class Found:
    """A tune as it stands in a file. where: file and line."""

    text: str
    where: str


def abc_tunes(path: Path, name: str, problems: Problems) -> Iterator[Found]:
    """The tunes of an ABC file: each from its X: to the next one's, without blank lines at its end.

    A tune without a K: field, without a note behind it, or with a line that is not UTF-8, is bad; so
    is a file without a tune, and what a damaged file ends in. Line ends are read as \n.
    """
    tune: list[str] = []
    begun, count, broken = 0, 0, ""
    ill = CollectedProblems()

    def read() -> Iterator[tuple[int, str]]:
        nonlocal broken
        try:
            yield from numbered_lines(path, name, ill)
        except UserError as error:  # UTF-16, half a .gz, cannot be read
            broken = str(error)

    def checked() -> Iterator[Found]:
        text = "\n".join(tune).rstrip() + "\n"
        where = f"{name}, line {begun}"
        if ill.sentences:
            problems.bad(ill.sentences[0])
        elif field_value(text, "K") is None:
            problems.bad(f"{where}: the tune has no K: field; expected its key, as in K:G.")
        elif not any(piece.kind == "note" for piece in pieces(text[body_start(text) :])):
            problems.bad(f"{where}: the tune has no notes behind its K: field; expected some.")
        else:
            yield Found(text, where)

    for number, line in read():
        if line.startswith("X:"):
            if tune:
                yield from checked()
            ill.sentences.clear()
            tune, begun, count = [], number, count + 1
        if begun:
            tune.append(line)
    if broken:  # the last tune may be cut
        problems.bad(broken)
        return
    if tune:
        yield from checked()
    if not count:
        what = f"{name} holds no tune in ABC; expected an X: field where each begins."
        problems.bad(ill.sentences[0] if ill.sentences else what)
