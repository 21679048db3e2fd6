"""The result of an inspection, in every form that people and programs read."""

from __future__ import annotations

import csv
import html
import io
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unroll.inspect.drawing import Drawing
from unroll.inspect.page import Section, render_page
from unroll.terminal import printable, shortened

if TYPE_CHECKING:
    from unroll.run import Run

Row = Sequence[Any]


@dataclass(frozen=True)
class Picture:
    """A plot and its numbers.

    Attributes:
        draw: makes the drawing.
        rows: the numbers; the first row holds the names of the columns.
    """

    draw: Callable[[], Drawing] = field(repr=False)
    rows: Sequence[Row] = field(repr=False)

    def _repr_html_(self) -> str:
        return self.draw().svg()

    def csv(self) -> str:
        """The numbers as comma-separated values."""
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(self.rows)
        return out.getvalue()


class Finding(ABC):
    """What all results of inspections share: numbers, text, pictures and a page that works offline.

    A notebook shows the first picture and the table.

    Attributes:
        title: what was measured.
        conditions: under which conditions, by name.
    """

    title: str
    conditions: Mapping[str, Any]

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""

    @abstractmethod
    def text(self) -> str:
        """The result as text for a terminal."""

    @abstractmethod
    def pictures(self) -> dict[str, Picture]:
        """The pictures by name, the main one first; drawn only when they are used."""

    @abstractmethod
    def table(self) -> list[list[str]]:
        """The table under the picture; the first row holds the names of the columns."""

    @abstractmethod
    def section(self) -> Section:
        """The section of a page."""

    def cover(self) -> str:
        """One or two sentences below the title of a page that say what was found. Default: none."""
        return ""

    def html(self, command: str = "") -> str:
        """A page that works offline. command: that made it, to be shown on the page."""
        return render_page(self.title, [self.section()], command, cover=self.cover())

    def picture(self, name: str | None = None) -> Picture:
        """One of the pictures. Default: the first."""
        pictures = self.pictures()
        return next(iter(pictures.values())) if name is None else pictures[name]

    def svg(self, name: str | None = None) -> str:
        """A picture as SVG. Default: the first."""
        return self.picture(name).draw().svg()

    def figure(self, name: str | None = None, caption: str = "") -> str:
        """A picture in a page, with a sentence below it. Default: the first."""
        return self.picture(name).draw().figure(caption)

    def csv(self, name: str | None = None) -> str:
        """The numbers of a picture. Default: the first."""
        return self.picture(name).csv()

    def png(self, name: str | None = None) -> bytes:
        """A picture as PNG, in light colours. Default: the first.

        Raises:
            UserError: where Pillow is not installed.
        """
        return self.picture(name).draw().png()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__repr__ = Finding.__repr__  # type: ignore[method-assign]  # not every number of a data class

    def __repr__(self) -> str:
        title, pictures = shortened(printable(self.title), 120), ", ".join(self.pictures())
        return f"<{type(self).__name__}: {title}; pictures: {shortened(pictures, 200)}>"

    def _repr_html_(self) -> str:
        drawn = self.svg() if self.pictures() else ""
        return f"<h3>{html.escape(self.title)}</h3>{drawn}{html_table(self.table())}"


def network_alone(run: Run, both: str = "") -> dict[str, str]:
    """The condition that a finding shows the network of a run without the simple model.

    Args:
        run: a trained run.
        both: what is of both together, as "; predictions are of both".

    Returns:
        The condition by its name; empty where the run has no simple model.
    """
    if getattr(run.preprocessor, "floor", None) is None:
        return {}
    part = run.task.network_part(run.trained)
    counts = f" ({part})" if part else ""
    return {"shows": f"the network without the simple model that it is combined with{counts}{both}"}


def format_conditions(conditions: Mapping[str, Any]) -> str:
    """The conditions that have a value, for people: `length 100, batch 8`."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value}"
        for name, value in conditions.items()
        if value is not None
    )


def html_table(rows: Sequence[Sequence[str]]) -> str:
    """A table as HTML; its first row and first column are headings."""
    head = "".join(  # a corner that is empty is no heading
        f'<th scope="col">{html.escape(cell)}</th>' if cell else "<td></td>" for cell in rows[0]
    )
    body = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows[1:]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """A table for terminals: the first column aligned left, the others right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def format_number(value: float | None) -> str:
    """A number to three digits, or a dash for None and for what is no number."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.2e}"


def round_digits(value: float, digits: int = 4) -> float | None:
    """A number to some significant digits, so that a page stays small; None for no finite number."""
    return float(f"{value:.{digits - 1}e}") if math.isfinite(value) else None
