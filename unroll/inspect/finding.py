"""What an inspection found, in every form that people and programs read."""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unroll.inspect.drawing import Drawing
from unroll.inspect.page import Section, page

Row = Sequence[Any]


@dataclass(frozen=True)
class Picture:
    """draw: makes the drawing. rows: the same as numbers, a first row of names."""

    draw: Callable[[], Drawing]
    rows: Sequence[Row]

    def csv(self) -> str:
        """The numbers as a table for other programs."""
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(self.rows)
        return out.getvalue()


class Finding:
    """What all findings share: `facts` for programs, `text` for terminals, `pictures` by name, of
    which the first says most, and one page that works offline. A notebook shows it by itself."""

    title: str
    conditions: Mapping[str, Any]

    def facts(self) -> dict[str, Any]:
        """Every number, for JSON."""
        raise NotImplementedError

    def text(self) -> str:
        """What was found, in words."""
        raise NotImplementedError

    def pictures(self) -> dict[str, Picture]:
        """The pictures, the most telling first; nothing is drawn before it is asked for."""
        raise NotImplementedError

    def table(self) -> list[list[str]]:
        """The figures that stand under the picture, a first row of names."""
        raise NotImplementedError

    def section(self) -> Section:
        """Its part of a page."""
        raise NotImplementedError

    def html(self, command: str = "") -> str:
        """A page that needs nothing but itself. command: how it was made."""
        return page(self.title, [self.section()], command)

    def picture(self, name: str | None = None) -> Picture:
        """One of the pictures; without a name the first."""
        found = self.pictures()
        return next(iter(found.values())) if name is None else found[name]

    def svg(self, name: str | None = None) -> str:
        """A picture of its own."""
        return self.picture(name).draw().svg()

    def csv(self, name: str | None = None) -> str:
        """The numbers of a picture."""
        return self.picture(name).csv()

    def png(self, name: str | None = None) -> bytes:
        """A picture as pixels, in the light scheme.

        Raises: UserError where Pillow is not installed.
        """
        return self.picture(name).draw().png()

    def _repr_html_(self) -> str:
        return f"<h3>{html.escape(self.title)}</h3>{self.svg()}{html_table(self.table())}"


def in_brackets(conditions: Mapping[str, Any]) -> str:
    """The conditions that were given, for people: `length 100, batch 8`."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value}"
        for name, value in conditions.items()
        if value is not None
    )


def html_table(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row and first column are headings."""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in rows[0])
    body = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows[1:]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """The same for terminals: the first column to the left, the others to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def shown(value: float | None) -> str:
    """Three figures, or a dash where there is no number."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.2e}"


def rounded(value: float, figures: int = 4) -> float | None:
    """So many figures, so that a page stays small; None for what is no number."""
    return float(f"{value:.{figures - 1}e}") if math.isfinite(value) else None
