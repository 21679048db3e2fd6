"""Which steps a classification depends on: gradient times input, and the weights of the pooling.

T time.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unroll.errors import UserError
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    Row,
    format_conditions,
    html_table,
    round_digits,
)
from unroll.inspect.heat_map import draw_heat_map
from unroll.inspect.page import Section
from unroll.layers.recorded import recorded
from unroll.run import Run

WIDTH = 20  # characters of a bar
MAX_LABELS = 40  # steps whose names are written under the picture


@dataclass(frozen=True)
class Saliency(Finding):
    """The attribution of each step of one sequence to the most likely class.

    A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        steps: T tokens, or names of rows.
        weights: gradient times input, T numbers; positive where a step supports the class.
        pooled: the share of each step in the pooling, T numbers.
        kind: of pooling: "last", "mean", "max" or "attention".
        probabilities: by class, the most likely first.
    """

    title: str
    conditions: dict[str, Any]
    steps: list[str]
    weights: list[float]
    pooled: list[float]
    kind: str
    probabilities: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "probabilities": self.probabilities,
            "steps": [
                {"step": step, "gradient_times_input": round_digits(w), "pooling": round_digits(p)}
                for step, w, p in zip(self.steps, self.weights, self.pooled, strict=True)
            ],
        }

    def table(self) -> list[list[str]]:
        """One row per step; the first row holds the names of the columns."""
        rows = [["step", "gradient times input", f"{self.kind} pooling"]]
        for step, weight, share in zip(self.steps, self.weights, self.pooled, strict=True):
            rows.append([step, f"{weight:+.3f}", f"{share:.1%}"])
        return rows

    def text(self) -> str:
        """The classes, and one bar per step: # for the class, - against it."""
        lines = [f"{self.title}.", f"({format_conditions(self.conditions)})", ""]
        lines.append(
            ", ".join(f"{name} {p:.0%}" for name, p in list(self.probabilities.items())[:5])
        )
        largest = max(map(abs, self.weights)) or 1.0
        width = max(map(len, self.steps))
        lines += ["", f"{'step'.ljust(width)}  gradient x input  {self.kind} pooling"]
        for step, weight, share in zip(self.steps, self.weights, self.pooled, strict=True):
            bar = ("#" if weight > 0 else "-") * round(abs(weight) / largest * WIDTH)
            lines.append(f"{step.ljust(width)}  {weight:+16.3f}  {share:15.1%}  {bar}".rstrip())
        return "\n".join(lines)

    def pictures(self) -> dict[str, Picture]:
        """`words`: gradient times input and pooling over the steps."""
        rows: list[Row] = [["step", "gradient_times_input", f"{self.kind}_pooling"]]
        rows += zip(self.steps, self.weights, self.pooled, strict=True)
        return {"words": Picture(self._draw, rows)}

    def _draw(self) -> Drawing:
        rows = [np.array(self.weights), np.array(self.pooled)]
        values = np.stack([row / (np.abs(row).max() or 1.0) for row in rows])
        names = self.steps if len(self.steps) <= MAX_LABELS else ()
        title = f"{self.title}: orange for the class, blue against it"
        return draw_heat_map(
            values, title, rows=["gradient x input", self.kind], columns=names, signed=True
        )

    def section(self) -> Section:
        """The text, coloured by the attribution of each word."""
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "classes": "".join(
                f"<li>{html.escape(name)} {p:.1%}</li>"
                for name, p in list(self.probabilities.items())[:5]
            ),
            "table": html_table(self.table()),
            "kind": html.escape(self.kind),
        }
        data = {
            "steps": self.steps,
            "weights": [round_digits(w) for w in self.weights],
            "pooled": [round_digits(p) for p in self.pooled],
        }
        return Section("saliency", self.title, parts, data)


def saliency_of_run(run: Run, text: str) -> Saliency:
    """Classify one sequence and compute the attribution of each step.

    The attribution of a step is the dot product of its embedding with the gradient of the logit of
    the most likely class: to first order, how far the logit would fall without the step. It is an
    approximation, not a proof.

    Args:
        run: of a classifier.
        text: a text, or rows of numbers as JSON.

    Raises:
        UserError: for an input that the run cannot read.

    Source: M. Denil et al., 2014 (https://arxiv.org/abs/1412.6815).
    """
    preprocessor, network = run.preprocessor, run.model.eval()
    value = preprocessor.check_input(text)
    encoded = preprocessor.encode(value)
    steps = encoded[: preprocessor.longest]
    if not len(steps):
        raise UserError("The text is empty; expected at least one word to classify.")
    x = torch.as_tensor(steps, device=run.device)[:, None]
    x = x.float() if preprocessor.scaler is not None else x.long()
    lengths = torch.tensor([len(x)], device=run.device)
    p, weights = network.attributions(x, lengths)
    with torch.no_grad(), recorded(network) as calls:
        network(x, lengths)
    pooled = network.pooling.weights(calls[-1].output, lengths)[:, 0]
    if preprocessor.scaler is None:
        names = preprocessor.tokens(value)[: len(x)]
    else:
        names = [f"row {n}" for n in range(1, len(x) + 1)]
    ranked = sorted(
        zip(preprocessor.classes, p[0].tolist(), strict=True), key=lambda pair: -pair[1]
    )
    conditions = {"run": str(run.path), "class": ranked[0][0], "steps": len(x)}
    if len(encoded) > len(steps):
        conditions["not_read"] = len(encoded) - len(steps)
    return Saliency(
        f"Attributions of {run.path.name}",
        conditions,
        names,
        weights[:, 0].tolist(),
        pooled.tolist(),
        network.pooling.kind,
        dict(ranked),
    )
