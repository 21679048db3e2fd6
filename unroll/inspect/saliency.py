"""Which steps a classification depends on: attributions, and the weights of the pooling.

T time.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unroll.errors import UserError
from unroll.inspect.answers import stated_answer
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
from unroll.tasks.classify.attributions import attribute_inputs, word_attributions
from unroll.terminal import shortened

WIDTH = 20  # characters of a bar
TITLE = 60  # letters of a text in a title
MAX_LABELS = 40  # steps whose names are written under the picture


@dataclass(frozen=True)
class Saliency(Finding):
    """The attribution of each step of one sequence to the class that the run predicts.

    A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions, the prediction among them.
        steps: T tokens or words, or names of rows.
        weights: what each step adds to the logit of the class, T numbers; positive where it supports the
            class.
        parts: the same by network and by simple model, by the name of the model.
        pooled: the share of each step in the pooling of the network, T numbers.
        kind: of pooling: "last", "mean", "max" or "attention".
        probabilities: by class, the most likely first, as `predict` gives them.
    """

    title: str
    conditions: dict[str, Any]
    steps: list[str]
    weights: list[float]
    parts: dict[str, list[float]]
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
                {
                    "step": step,
                    "attribution": round_digits(self.weights[t]),
                    "parts": {name: round_digits(own[t]) for name, own in self.parts.items()},
                    "pooling": round_digits(self.pooled[t]),
                }
                for t, step in enumerate(self.steps)
            ],
        }

    def table(self) -> list[list[str]]:
        """One row per step; the first row holds the names of the columns."""
        parts = self.parts if len(self.parts) > 1 else {}
        rows = [["step", "attribution", *parts, f"{self.kind} pooling"]]
        for t, step in enumerate(self.steps):
            own = [f"{each[t]:+.3f}" for each in parts.values()]
            rows.append([step, f"{self.weights[t]:+.3f}", *own, f"{self.pooled[t]:.1%}"])
        return rows

    def text(self) -> str:
        """The classes, and one bar per step: # for the class, - against it."""
        lines = [f"{self.title}.", f"({format_conditions(self.conditions)})", ""]
        lines.append(
            ", ".join(f"{name} {p:.0%}" for name, p in list(self.probabilities.items())[:5])
        )
        largest = max(map(abs, self.weights)) or 1.0
        width = max(map(len, self.steps))
        lines += ["", f"{'step'.ljust(width)}       attribution  {self.kind} pooling"]
        for step, weight, share in zip(self.steps, self.weights, self.pooled, strict=True):
            bar = ("#" if weight > 0 else "-") * round(abs(weight) / largest * WIDTH)
            lines.append(f"{step.ljust(width)}  {weight:+16.3f}  {share:15.1%}  {bar}".rstrip())
        return "\n".join(lines)

    def pictures(self) -> dict[str, Picture]:
        """`words`: attributions and pooling over the steps."""
        rows: list[Row] = [["step", "attribution", *self.parts, f"{self.kind}_pooling"]]
        rows += zip(self.steps, self.weights, *self.parts.values(), self.pooled, strict=True)
        return {"words": Picture(self._draw, rows)}

    def _draw(self) -> Drawing:
        rows = [np.array(self.weights), np.array(self.pooled)]
        values = np.stack([row / (np.abs(row).max() or 1.0) for row in rows])
        names = self.steps if len(self.steps) <= MAX_LABELS else ()
        title = f"{self.title}: orange for the class, blue against it"
        return draw_heat_map(
            values, title, rows=["attribution", self.kind], columns=names, signed=True
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
            "models": html.escape(" and ".join(self.parts)),
        }
        data = {
            "steps": self.steps,
            "weights": [round_digits(w) for w in self.weights],
            "pooled": [round_digits(p) for p in self.pooled],
        }
        return Section("saliency", self.title, parts, data)


def saliency_of_run(run: Run, text: str) -> Saliency:
    """Classify one sequence, and say what each step adds to the class that `predict` gives.

    The network's attribution of a step is the dot product of its embedding with the gradient of the
    logit of the predicted class: to first order, how far the logit would fall without the step. It is
    an approximation, not a proof. Counts, and the simple model that the network is combined with, add
    what the logit falls without a word; of rows of numbers the simple model is not attributed. Network
    and simple model are weighted as in the prediction.

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
    (found,) = attribute_inputs(run.trained, [value])
    pooled = pooling_of(run, steps)
    network_name = "network" if preprocessor.counts is None else "network with counts"
    parts: dict[str, list[float]] = {network_name: found.network}
    names = found.tokens or [f"row {n}" for n in range(1, len(steps) + 1)]
    if found.simple:  # it knows words, not tokens
        are_words = preprocessor.step_unit == "words"
        own, shares = (
            [each for _, each in word_attributions(found.tokens, part, tokens_are_words=are_words)]
            for part in (found.network, pooled)
        )
        names, pooled = found.steps, shares
        parts = {network_name: own, preprocessor.floor.title: found.simple}
    (prediction,) = run.predict_iterator([value])
    conditions = {
        "run": str(run.path),
        **stated_answer(run, prediction),
        "class": preprocessor.classes[found.label],
        "steps": len(steps),
        "network": run.task.network_part(run.trained) or None,
    }
    if preprocessor.floor is not None and not found.simple and preprocessor.scaler is not None:
        conditions["attributed"] = (
            "the network; what the simple model adds is not attributed to rows"
        )
    if len(encoded) > len(steps):
        conditions["not_read"] = len(encoded) - len(steps)
    title = f"Attributions of {run.path.name}"
    if isinstance(value, str):
        title = f"{title}: {shortened(' '.join(value.split()), TITLE)}"
    return Saliency(
        title,
        conditions,
        names,
        [sum(each) for each in zip(*parts.values(), strict=True)],
        parts,
        pooled,
        network.pooling.kind,
        prediction["probabilities"],
    )


def pooling_of(run: Run, steps: np.ndarray) -> list[float]:
    """The share of each step in the pooling of the network. steps: encoded, one or more."""
    network = run.model
    x = torch.as_tensor(steps, device=run.device)[:, None]
    x = x.float() if run.preprocessor.scaler is not None else x.long()
    lengths = torch.tensor([len(x)], device=run.device)
    with torch.no_grad(), recorded(network) as calls:
        network(x, lengths)
    shares: list[float] = network.pooling.weights(calls[-1].output, lengths)[:, 0].tolist()
    return shares
