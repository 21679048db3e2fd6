"""What the pictures of every task share as findings: sentences, pictures, examples and a table."""

from __future__ import annotations

import html
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from unroll.inspect.finding import Finding, format_conditions, html_table, text_table
from unroll.inspect.page import Section
from unroll.inspect.task_pictures.plane import shorten

CELL = 60  # letters of a cell of the examples in a terminal


@dataclass(frozen=True)
class TaskFinding(Finding):
    """What a run does with its validation set. A notebook shows it as a picture and a table.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
    """

    title: str
    conditions: dict[str, Any]

    @abstractmethod
    def sentences(self) -> list[str]:
        """What the pictures say, the most important first."""

    def examples(self) -> list[list[str]]:
        """Single records; the first row holds the names of the columns. Default: none."""
        return []

    def examples_html(self) -> str:
        """The examples for a page."""
        rows = self.examples()
        return f'<div class="wide examples">{html_table(rows)}</div>' if rows else ""

    def text(self) -> str:
        """The sentences, the table and the examples."""
        given = format_conditions(self.conditions)
        lines = [f"{self.title}.", f"({given})", "", *self.sentences()]
        examples = [[shorten(cell, CELL) for cell in row] for row in self.examples()]
        for rows in (self.table(), examples):
            if len(rows) > 1:
                lines += ["", text_table(rows)]
        return "\n".join(lines)

    def section(self) -> Section:
        """Sentences, pictures side by side, examples, and the table to open."""
        first, *others = self.sentences()
        table = self.table()
        parts = {
            "first": html.escape(first),
            "others": "".join(f"<li>{html.escape(sentence)}</li>" for sentence in others),
            "pictures": "".join(self._figures()),
            "examples": self.examples_html(),
            "table": html_table(table) if len(table) > 1 else "",
            "conditions": html.escape(format_conditions(self.conditions)),
        }
        return Section("results", self.title, parts)

    def _repr_html_(self) -> str:
        said = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.sentences())
        figures = "".join(self._figures())
        side = f'<div style="display:flex;flex-wrap:wrap;gap:16px">{figures}</div>'
        return f"<h3>{html.escape(self.title)}</h3>{said}{side}{self.examples_html()}"

    def _figures(self) -> Iterator[str]:
        for picture in self.pictures().values():
            drawing = picture.draw()
            style = f"margin:0;flex:1 1 20rem;max-width:{drawing.width}px"
            yield f'<figure style="{style}">{drawing.svg()}</figure>'


def shown_of(shown: int, total: int, unit: str) -> dict[str, str]:
    """The condition that says how many of how many are shown."""
    name = unit.replace(" ", "_")
    return {name: f"{shown:,}" if shown >= total else f"{shown:,} of {total:,}, evenly spread"}


def percent(share: float) -> str:
    """A share as a percentage with one digit: `93.1%`."""
    return f"{share:.1%}"


def marked_differences(actual: str, predicted: str) -> tuple[str, str]:
    """Two texts as HTML, with what differs marked by `del` and `ins`.

    Words are compared, and letters where each text is one word.

    Args:
        actual: the reference.
        predicted: the output.

    Examples:
        >>> from unroll.inspect.task_pictures.finding import marked_differences
        >>> marked_differences("a pear", "a pair")
        ('a <del>pear</del>', 'a <ins>pair</ins>')
        >>> marked_differences("pear", "pair")
        ('p<del>e</del>ar', 'pa<ins>i</ins>r')
    """
    from difflib import SequenceMatcher

    words, said = actual.split(), predicted.split()
    between = " "
    if max(len(words), len(said)) <= 1:
        words, said, between = list(actual), list(predicted), ""
    before, after = [], []
    for kind, i, j, k, m in SequenceMatcher(None, words, said, False).get_opcodes():
        left, right = html.escape(between.join(words[i:j])), html.escape(between.join(said[k:m]))
        before.append(left if kind == "equal" else f"<del>{left}</del>" if left else "")
        after.append(right if kind == "equal" else f"<ins>{right}</ins>" if right else "")
    return between.join(filter(None, before)), between.join(filter(None, after))
