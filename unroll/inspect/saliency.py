"""What a classification rests on: gradient times input, and what the pooling takes from each step."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unroll.errors import UserError
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Finding, Picture, Row, html_table, in_brackets, rounded
from unroll.inspect.heat import heat_map
from unroll.inspect.page import Section
from unroll.layers.recorded import recorded
from unroll.run import Run

WIDTH = 20  # characters of a bar
SHOWN = 40  # steps whose names stand under the picture


@dataclass(frozen=True)
class Saliency(Finding):
    """What each step of one sequence says for the likeliest class.

    steps: T tokens, or rows. weights: gradient times input, [T]; what speaks against is negative.
    pooled: the share that the pooling takes of each step, [T]. kind: last, mean, max or attention.
    probabilities: by class. A notebook shows it as a picture and a table.
    """

    title: str
    conditions: dict[str, Any]
    steps: list[str]
    weights: list[float]
    pooled: list[float]
    kind: str
    probabilities: dict[str, float]

    def facts(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "probabilities": self.probabilities,
            "steps": [
                {"step": step, "gradient_times_input": rounded(w), "pooling": rounded(p)}
                for step, w, p in zip(self.steps, self.weights, self.pooled, strict=True)
            ],
        }

    def table(self) -> list[list[str]]:
        """A row a step."""
        rows = [["step", "gradient times input", f"{self.kind} pooling"]]
        for step, weight, share in zip(self.steps, self.weights, self.pooled, strict=True):
            rows.append([step, f"{weight:+.3f}", f"{share:.1%}"])
        return rows

    def text(self) -> str:
        """The classes, and a bar a step: # for the class, - against it."""
        lines = [f"{self.title}.", f"({in_brackets(self.conditions)})", ""]
        lines.append(
            ", ".join(f"{name} {p:.0%}" for name, p in list(self.probabilities.items())[:5])
        )
        most = max(map(abs, self.weights)) or 1.0
        wide = max(map(len, self.steps))
        lines += ["", f"{'step'.ljust(wide)}  gradient x input  {self.kind} pooling"]
        for step, weight, share in zip(self.steps, self.weights, self.pooled, strict=True):
            bar = ("#" if weight > 0 else "-") * round(abs(weight) / most * WIDTH)
            lines.append(f"{step.ljust(wide)}  {weight:+16.3f}  {share:15.1%}  {bar}".rstrip())
        return "\n".join(lines)

    def pictures(self) -> dict[str, Picture]:
        """`words`: both rows over the steps."""
        rows: list[Row] = [["step", "gradient_times_input", f"{self.kind}_pooling"]]
        rows += zip(self.steps, self.weights, self.pooled, strict=True)
        return {"words": Picture(self._draw, rows)}

    def _draw(self) -> Drawing:
        rows = [np.array(self.weights), np.array(self.pooled)]
        values = np.stack([row / (np.abs(row).max() or 1.0) for row in rows])
        names = self.steps if len(self.steps) <= SHOWN else ()
        title = f"{self.title}: orange for the class, blue against it"
        return heat_map(
            values, title, rows=["gradient x input", self.kind], columns=names, signed=True
        )

    def section(self) -> Section:
        """The text, coloured by what each word says."""
        parts = {
            "conditions": html.escape(in_brackets(self.conditions)),
            "classes": "".join(
                f"<li>{html.escape(name)} {p:.1%}</li>"
                for name, p in list(self.probabilities.items())[:5]
            ),
            "table": html_table(self.table()),
            "kind": html.escape(self.kind),
        }
        data = {
            "steps": self.steps,
            "weights": [rounded(w) for w in self.weights],
            "pooled": [rounded(p) for p in self.pooled],
        }
        return Section("saliency", self.title, parts, data)


def saliency_of_run(run: Run, text: str) -> Saliency:
    """Classify a text, or rows of numbers as JSON, and weigh each step.

    The weight of a step is the dot product of the gradient of the likeliest class's logit with the
    step's embedding: to first order, how far the logit would fall without it. A hint, not a proof.
    Source: M. Denil et al., 2014 (https://arxiv.org/abs/1412.6815).

    Raises: UserError for what the run cannot read.
    """
    preprocessor, network = run.preprocessor, run.model.eval()
    value = preprocessor.check_input(text)
    every = preprocessor.encode(value)
    steps = every[: preprocessor.longest]
    if not len(steps):
        raise UserError("The text is empty; expected some words to classify.")
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
    if len(every) > len(steps):
        conditions["not_read"] = len(every) - len(steps)
    return Saliency(
        f"What {run.path.name} looks at",
        conditions,
        names,
        weights[:, 0].tolist(),
        pooled.tolist(),
        network.pooling.kind,
        dict(ranked),
    )
