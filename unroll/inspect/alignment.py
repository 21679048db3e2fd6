"""The attention of each predicted token over its input: of translators and captioners.

S places of the input, T tokens of the prediction.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unroll.errors import UserError
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Finding, Picture, format_conditions, html_table
from unroll.inspect.heat_map import draw_heat_map
from unroll.inspect.page import Section
from unroll.run import Run
from unroll.terminal import shortened

TITLE = 60  # letters of an input in a title
SHADES = " .:-=+*#%@"
# by whether the network wrote the output itself
ORIGINS = {True: "which wrote this", False: "as it reads this, which it did not write itself"}


@dataclass(frozen=True)
class Alignment(Finding):
    """The attention weights of one prediction. A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        source: S tokens of the input, or S places of an image.
        target: T tokens of the prediction.
        weights: [T, S]; each row sums to one.
    """

    title: str
    conditions: dict[str, Any]
    source: list[str]
    target: list[str]
    weights: np.ndarray

    def as_dict(self) -> dict[str, Any]:
        """The matrix with its tokens, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "source_tokens": self.source,
            "target_tokens": self.target,
            "attention": self.weights.tolist(),
        }

    def table(self) -> list[list[str]]:
        """One row per target token; the first row holds the source tokens."""
        rows = [[f"{weight:.2f}" for weight in row] for row in self.weights]
        return [["", *self.source], *([t, *r] for t, r in zip(self.target, rows, strict=True))]

    def text(self) -> str:
        """The matrix as characters, and the source token of largest weight per target token."""
        lines = [f"{self.title}.", f"({format_conditions(self.conditions)})", ""]
        width = max(map(len, self.target))
        for token, row in zip(self.target, self.weights, strict=True):
            shades = "".join(SHADES[min(9, int(w * 10))] for w in row)
            best = int(row.argmax())
            lines.append(f"{token.rjust(width)}  |{shades}|  {self.source[best]} {row[best]:.0%}")
        return "\n".join(lines)

    def pictures(self) -> dict[str, Picture]:
        """`alignment`: one row per target token, one column per source token."""
        rows = [[t, *r] for t, r in zip(self.target, self.weights.tolist(), strict=True)]
        return {"alignment": Picture(self._draw, [["", *self.source], *rows])}

    def _draw(self) -> Drawing:
        return draw_heat_map(self.weights, self.title, rows=self.target, columns=self.source)

    def section(self) -> Section:
        """The matrix as a heat map that shows the weight under the pointer."""
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "table": html_table(self.table()),
        }
        data = {"source": self.source, "target": self.target, "weights": self.weights.tolist()}
        return Section("alignment", self.title, parts, data)


def alignment_of_run(run: Run, text: str) -> Alignment:
    """Translate a text and keep the attention weights.

    Args:
        run: of a translator.
        text: to translate.

    Raises:
        UserError: for a text without words.
    """
    if not text.strip():
        raise UserError("The text is empty; expected at least one word to translate.")
    (prediction,) = run.predict_iterator([text])
    translation, origin = prediction["translation"], prediction["origin"]
    conditions = {"run": str(run.path), "source": text, "translation": translation}
    if part := run.task.network_part(run.trained):
        alone = prediction["network"]
        conditions |= {
            "from": origin,
            "network": part,
            "network_alone": None if alone is None else f"would write {alone!r}",
            "attention": f"of the network, {ORIGINS[origin == 'network']}",
        }
    tokens = prediction["target_tokens"]
    weights = np.array(prediction["attention"], dtype=float).reshape(len(tokens), -1)
    title = f"Attention of {run.path.name}: {shortened(' '.join(text.split()), TITLE)}"
    return Alignment(title, conditions, prediction["source_tokens"], tokens, weights)


def caption_attention_of_run(run: Run, path: str) -> Alignment:
    """Caption an image and keep the attention weights over its grid, row by row.

    `unroll predict RUN IMAGE --out attention.svg` draws them over the image.

    Args:
        run: of a captioner.
        path: of an image.

    Raises:
        UserError: for an image that cannot be read.
    """
    (prediction,) = run.predict_iterator([path])
    rows, columns = prediction["grid"]
    conditions = {"run": str(run.path), "image": path, "caption": prediction["caption"]}
    if part := run.task.network_part(run.trained):
        origin = prediction["origin"]
        conditions |= {
            "from": origin,
            "network": part,
            "attention": f"of the network, {ORIGINS[origin == 'network']}",
        }
    places = [f"{row + 1},{column + 1}" for row in range(rows) for column in range(columns)]
    tokens = prediction["tokens"]
    weights = np.array(prediction["attention"], dtype=float).reshape(len(tokens), -1)
    title = f"Attention of {run.path.name}: {shortened(Path(path).name, TITLE)}"
    return Alignment(title, conditions, places, tokens, weights)
