"""A probe of one's own: a rule that gives each token of a text a label.

plural=\\b(cats|dogs)\\b.*       1 inside a match, else 0: a regular expression
verb=(?P<yes>were)|(?P<no>was)  1 in the group `yes`, 0 in `no`, no label elsewhere
depth=count(a)-count(b)         a number: matches of a since the line began, minus those of b
plural=@words.tsv               labels beside the words of a file; see `label_files`
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unroll.errors import UserError
from unroll.inspect.probes import PROBES

COUNTER = re.compile(r"\s*count\((?P<up>.+?)\)\s*(?:-\s*count\((?P<down>.+)\))?\s*")
FORMS = (
    "expected NAME=REGEX, NAME=count(REGEX)-count(REGEX), NAME=@FILE or FILE, or one of "
    f"{', '.join(PROBES)}"
)


@dataclass(frozen=True)
class LabelledFile:
    """Where a file has the labels of its words.

    Attributes:
        path: of the file.
        column: of the labels, from 1. None: the last one.
        value: a regular expression; a label is 1 where the cell has a match. None: cells are numbers.
    """

    path: str
    column: int | None = None
    value: str | None = None


@dataclass(frozen=True)
class Probe:
    """A label for each token.

    Attributes:
        name: of the label.
        rule: as it was given.
        values: the label of each token of a text (NaN: none), from its tokens and whether they are
            words, with spaces between. None: the labels are in `file`.
        file: with the labels; None: they follow from the text.
    """

    name: str
    rule: str
    values: Callable[[Sequence[str], bool], list[float]] | None
    file: LabelledFile | None = None


def parse_probe(given: str) -> Probe:
    """The probe that was given on the command line.

    Args:
        given: `NAME=REGEX`, `NAME=count(REGEX)-count(REGEX)`, `NAME=@FILE[:COLUMN[:VALUE]]`, a FILE of
            words and labels, or the name of a probe that is built in.

    Raises:
        UserError: for anything else.

    Examples:
        >>> parse_probe("plural=cats.*").values(["the", "cats", "were"], True)
        [0.0, 1.0, 1.0]
        >>> parse_probe("open=count(a)-count(b)").values(list("aab"), False)
        [1.0, 2.0, 1.0]
    """
    if given in PROBES:
        probe = PROBES[given]
        return Probe(given, "built in", lambda tokens, spaced: probe(tokens))
    name, separator, rule = given.partition("=")
    name = name.strip()
    if not separator and given.strip():
        file = labelled_file(given, given)
        stem = re.split(r"[\\/]", file.path)[-1].split(".")[0]
        return Probe(stem or given, f"@{given}", None, file)
    if not name or not rule:
        raise UserError(f"--probe got {given!r:.60}; {FORMS}.")
    if rule.startswith("@"):
        return Probe(name, rule, None, labelled_file(rule[1:], given))
    counter = COUNTER.fullmatch(rule)
    if counter is not None:
        up = compiled(counter["up"], given)
        down = compiled(counter["down"], given) if counter["down"] else None
        return Probe(name, rule, lambda tokens, spaced: counted(tokens, spaced, up, down))
    pattern = compiled(rule, given)
    return Probe(name, rule, lambda tokens, spaced: inside_matches(tokens, spaced, pattern))


def labelled_file(words: str, given: str) -> LabelledFile:
    """`FILE[:COLUMN[:VALUE]]` as a file with its column and value.

    Raises:
        UserError: for an empty name, a column that is none, or a value that is no regular expression.
    """
    match = re.fullmatch(r"(?P<path>.+?)(?::(?P<column>\d+)(?::(?P<value>.+))?)?", words)
    if match is None or match["column"] == "0":
        raise UserError(
            f"--probe got {given!r:.60}; expected NAME=@FILE:COLUMN:VALUE, columns counted from 1."
        )
    if match["value"]:
        compiled(match["value"], given)
    column = None if match["column"] is None else int(match["column"])
    return LabelledFile(match["path"], column, match["value"])


def compiled(pattern: str, given: str) -> re.Pattern[str]:
    """A regular expression; ^ and $ are the ends of lines.

    Raises:
        UserError: where it is none.
    """
    try:
        return re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise UserError(
            f"--probe got {given!r:.60}, and {pattern!r:.60} is no regular expression: {error}."
        ) from error


def joined(tokens: Sequence[str], spaced: bool) -> tuple[str, list[int]]:
    """The text of tokens, and where each ends in it: after its last character that is no space.

    Args:
        tokens: as the network reads them; `<eos>` is a line end, and `<s>` has no text.
        spaced: whether they are words, with a space between.
    """
    parts: list[str] = []
    ends: list[int] = []
    at = 0
    for token in tokens:
        text = {"<eos>": "\n", "<s>": ""}.get(token, token)
        if spaced and at and text not in ("", "\n") and not parts[-1].endswith("\n"):
            text = " " + text
        parts.append(text)
        ends.append(at + (len(text.rstrip()) or len(text)))
        at += len(text)
    return "".join(parts), ends


def inside_matches(tokens: Sequence[str], spaced: bool, pattern: re.Pattern[str]) -> list[float]:
    """1 for tokens that end inside a match, else 0.

    With groups named `yes` and `no`: 1 in the one, 0 in the other, NaN outside both.
    """
    text, ends = joined(tokens, spaced)
    groups: list[str | int] = [name for name in ("yes", "no") if name in pattern.groupindex]
    labels = [math.nan if groups else 0.0] * (len(text) + 1)
    for match in pattern.finditer(text):
        for name in groups or [0]:
            first, last = match.span(name)
            if first >= 0:
                labels[first + 1 : last + 1] = [float(name != "no")] * (last - first)
    return [labels[end] for end in ends]


def counted(
    tokens: Sequence[str], spaced: bool, up: re.Pattern[str], down: re.Pattern[str] | None
) -> list[float]:
    """The matches of one pattern since the line began, minus those of another, after each token."""
    text, ends = joined(tokens, spaced)
    change = [0.0] * (len(text) + 1)
    for pattern, amount in ((up, 1.0), (down, -1.0)):
        for match in pattern.finditer(text) if pattern is not None else ():
            change[match.end()] += amount
    totals, total = [], 0.0
    for place, amount in enumerate(change):
        total = 0.0 if place and text[place - 1] == "\n" else total + amount
        totals.append(total)
    return [totals[end] for end in ends]
