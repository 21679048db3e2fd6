"""The lines of a plan's page: put together where they are alike, and laid out in columns."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, replace
from typing import Any

from unroll.engine.explain.equations import NamedColumns, Term, joined, text_of


@dataclass
class Line:
    """One equation of the page.

    Attributes:
        target: what is computed.
        term: what it is computed from.
        rows: "B" for the rows of one step, "N" for those of all, "" for what is the same for all.
        note: what is kept of it, in a word.
        line: its place in the user's step.
        order: its place among the lines.
        shape: its shape, where it is not that of the target.
        sign: "=", "+=" or "from".
    """

    target: NamedColumns
    term: Any
    rows: str = ""
    note: str = ""
    line: str = ""
    order: float = 0.0
    shape: str | None = None
    sign: str = "="


@dataclass
class PlanSection:
    """Equations that are computed at the same place.

    Attributes:
        title: where that is.
        lines: the equations.
    """

    title: str
    lines: list[Line]


class Layout:
    """Equations at the left; shape, note and line of the step in columns at the right."""

    def __init__(self, lines: list[Line], width: int) -> None:
        columns = zip(*map(cells, lines), strict=True)
        self.widths = [max(map(len, column)) for column in columns]
        self.widths[-1] = min(self.widths[-1], width // 4)  # the end of a long file's name
        self.room = width - sum(w + 2 for w in self.widths if w)

    def rows(self, lines: list[Line]) -> list[str]:
        """The equations as lines of text."""
        found = []
        for line in lines:
            text = f"{text_of(line.target)} {line.sign} {text_of(line.term)}"
            first, *rest = wrapped(text, self.room - 4)
            columns = "".join(
                "  " + text[-w:].ljust(w)
                for text, w in zip(cells(line), self.widths, strict=True)
                if w
            )
            found.append(f"    {first.ljust(self.room - 4)}{columns}".rstrip())
            found += ["    " + row for row in rest]
        return found


def wrapped(text: str, room: int) -> list[str]:
    """The text in rows that break before a plus or a minus, elsewhere where they must."""
    glued = re.sub("\0([+-])\0", " \\1\0", text.replace(" ", "\0"))
    words = [
        # a gradient's d stays with its name
        word if len(word) <= room - 4 else re.sub(r"(?<!\bd)(?<!^[+-])\0", " ", word)
        for word in glued.split(" ")
    ]
    rows = textwrap.wrap(" ".join(words), room, subsequent_indent="    ")
    return [row.replace("\0", " ").rstrip() for row in rows]


def cells(line: Line) -> tuple[str, str, str]:
    """Shape, note and line of the step of an equation."""
    return shape_of(line), line.note, line.line


def shape_of(line: Line) -> str:
    """The shape of an equation as text."""
    if line.shape is not None:
        return line.shape
    size = line.target.hi - line.target.lo
    return f"[{line.rows}, {size}]" if line.rows else f"[{size}]"


def merged(lines: list[Line]) -> list[Line]:
    """Equations that are alike but for their columns as one, where nothing between is disturbed."""
    lines = list(lines)
    changed = True
    while changed:
        changed = False
        for i in range(len(lines)):
            for j in range(i + 1, len(lines)):
                both = together(lines[i], lines[j])
                if both is None:
                    continue
                between = lines[i + 1 : j]
                if not any(reads(l.term, lines[i].target.name) for l in between):
                    lines[j] = both
                    del lines[i]
                elif not any(reads(lines[j].term, l.target.name) for l in between):
                    lines[i] = both
                    del lines[j]
                else:
                    continue
                changed = True
                break
            if changed:
                break
    return lines


def together(a: Line, b: Line) -> Line | None:
    """Two equations of neighbouring columns as one, where they are alike."""
    if (a.rows, a.note, a.sign, a.shape) != (b.rows, b.note, b.sign, b.shape):
        return None
    for left, right in ((a, b), (b, a)):
        if left.target.name == right.target.name and left.target.hi == right.target.lo:
            term = joined(left.term, right.term)
            if term is not None:
                target = replace(left.target, hi=right.target.hi)
                return replace(left, target=target, term=term, order=min(a.order, b.order))
    return None


def reads(term: Any, name: str) -> bool:
    """Whether a value of this name is part of a term."""
    if isinstance(term, NamedColumns):
        return term.name == name
    return isinstance(term, Term) and any(reads(a, name) for a in term.args)
