"""What each step of an answer looked at in the question: the matrix of a translator's attention, or
a captioner's."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.errors import UserError
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Finding, Picture, html_table, in_brackets
from unroll.inspect.heat import heat_map
from unroll.inspect.page import Section
from unroll.run import Run

SHADES = " .:-=+*#%@"


@dataclass(frozen=True)
class Alignment(Finding):
    """The attention of one translation. source: S tokens. target: T tokens. weights: [T, S], each
    row sums to one. A notebook shows it as a picture and a table."""

    title: str
    conditions: dict[str, Any]
    source: list[str]
    target: list[str]
    weights: np.ndarray

    def facts(self) -> dict[str, Any]:
        """The matrix with its names, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "source_tokens": self.source,
            "target_tokens": self.target,
            "attention": self.weights.tolist(),
        }

    def table(self) -> list[list[str]]:
        """A row a target token."""
        rows = [[f"{weight:.2f}" for weight in row] for row in self.weights]
        return [["", *self.source], *([t, *r] for t, r in zip(self.target, rows, strict=True))]

    def text(self) -> str:
        """The matrix as shades, and what each token looked at most."""
        lines = [f"{self.title}.", f"({in_brackets(self.conditions)})", ""]
        wide = max(map(len, self.target))
        for token, row in zip(self.target, self.weights, strict=True):
            shades = "".join(SHADES[min(9, int(w * 10))] for w in row)
            most = int(row.argmax())
            lines.append(f"{token.rjust(wide)}  |{shades}|  {self.source[most]} {row[most]:.0%}")
        return "\n".join(lines)

    def pictures(self) -> dict[str, Picture]:
        """`alignment`: target tokens down, source tokens across."""
        rows = [[t, *r] for t, r in zip(self.target, self.weights.tolist(), strict=True)]
        return {"alignment": Picture(self._draw, [["", *self.source], *rows])}

    def _draw(self) -> Drawing:
        return heat_map(self.weights, self.title, rows=self.target, columns=self.source)

    def section(self) -> Section:
        """The matrix as a heat map that can be pointed at."""
        parts = {
            "conditions": html.escape(in_brackets(self.conditions)),
            "table": html_table(self.table()),
        }
        data = {"source": self.source, "target": self.target, "weights": self.weights.tolist()}
        return Section("alignment", self.title, parts, data)


def alignment_of_run(run: Run, text: str) -> Alignment:
    """Translate a text, and keep what each token of the translation looked at.

    Raises: UserError for a text without words.
    """
    if not text.strip():
        raise UserError("The text is empty; expected something to translate.")
    (answer,) = run.predict_iterator([text])
    conditions = {"run": str(run.path), "source": text, "translation": answer["translation"]}
    return Alignment(
        f"Attention of {run.path.name}",
        conditions,
        answer["source_tokens"],
        answer["target_tokens"],
        np.array(answer["attention"], dtype=float).reshape(len(answer["target_tokens"]), -1),
    )


def glimpses_of_run(run: Run, path: str) -> Alignment:
    """Say what is in an image, and keep where each word looked: the places of the grid, row by row.

    `unroll predict RUN IMAGE --out words.svg` draws the same over the image.
    """
    (answer,) = run.predict_iterator([path])
    rows, columns = answer["grid"]
    conditions = {"run": str(run.path), "image": path, "caption": answer["caption"]}
    return Alignment(
        f"Attention of {run.path.name}",
        conditions,
        [f"{row + 1},{column + 1}" for row in range(rows) for column in range(columns)],
        answer["tokens"],
        np.array(answer["attention"], dtype=float).reshape(len(answer["tokens"]), -1),
    )
