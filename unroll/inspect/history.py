"""The training of a run: its losses and gradients, step by step, from metrics.jsonl."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unroll.errors import UserError
from unroll.inspect.curves import Curve, draw_curves
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    format_conditions,
    format_number,
    html_table,
    text_table,
)
from unroll.inspect.page import Section
from unroll.run import Run
from unroll.training.checkpoint import read_progress, sound_checkpoints
from unroll.training.metrics_file import MetricsFile

ROWS = 12  # of the table
VALIDATION = "validation "  # before the names of metrics of the validation set
SHARES = ("accuracy", "macro f1", "f1", "word error")  # metrics from 0 to 1 that are drawn
CAPTIONS = {
    "shares": "The metrics of the validation set at each evaluation.",
    "rate": "The learning rate of each step.",
    "gradient": "The norm of the gradient of all weights, before it is clipped.",
    "remaining_gradient": "How much of a gradient is left after going back in time, at each evaluation.",
}
REMAINING = "remaining gradient"


@dataclass(frozen=True)
class History(Finding):
    """Numbers over the steps of training. A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        series: values by step, by name.
        messages: the last messages of the gradient monitor.
        chosen: the step whose weights were kept; None where it is not known.
        simple_model: whether the validation metrics are of the network with a simple model.
    """

    title: str
    conditions: dict[str, Any]
    series: dict[str, dict[int, float]]
    messages: list[str]
    chosen: int | None = None
    simple_model: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "series": {
                name: {step: v for step, v in points.items() if math.isfinite(v)}
                for name, points in self.series.items()
            },
            "messages": self.messages,
            "chosen": self.chosen,
        }

    def table(self) -> list[list[str]]:
        """A sample of steps, evenly spaced, each with what was measured since the row before.

        Of losses that are measured less often, the steps of the sample are those where they are.
        """
        measured = [set(points) for points in self.series.values() if len(points) > 1]
        steps = sorted(
            min(measured, key=len, default=set()) | {max(map(max, self.series.values()))}
        )
        sample = [steps[k * (len(steps) - 1) // (ROWS - 1)] for k in range(ROWS)]
        rows, before = [["step", *self.series]], -1
        for step in dict.fromkeys(sample):
            since = [
                [v for at, v in p.items() if before < at <= step] for p in self.series.values()
            ]
            numbers = (format_number(values[-1] if values else None) for values in since)
            rows.append([f"{step:,}", *numbers])
            before = step
        return rows

    def text(self) -> str:
        """The table, and the messages of the gradient monitor."""
        given = format_conditions(self.conditions)
        return "\n".join(
            [f"{self.title}.", f"({given})", "", text_table(self.table()), *self.messages]
        )

    def pictures(self) -> dict[str, Picture]:
        """`losses`, `shares` such as the accuracy, the `rate` of learning, `gradient` (the norm over all
        weights) and, with a gradient monitor, `remaining_gradient`."""
        losses = [name for name in self.series if "loss" in name]
        remaining = [name for name in self.series if name.startswith(REMAINING)]
        shares = [name for name in self.series if name.removeprefix(VALIDATION) in SHARES]
        pictures = {"losses": self._picture(losses, "loss", logarithmic=False)}
        if shares:
            pictures["shares"] = self._picture(
                shares, shares[0] if len(shares) == 1 else "validation set", logarithmic=False
            )
        if "learning rate" in self.series:
            pictures["rate"] = self._picture(["learning rate"], "learning rate", logarithmic=False)
        if "gradient norm" in self.series:
            pictures["gradient"] = self._picture(["gradient norm"], "gradient norm of all weights")
        if remaining:
            label = "share of the gradient that remains going back"
            pictures["remaining_gradient"] = self._picture(remaining, label)
        return pictures

    def _picture(self, names: Sequence[str], label: str, logarithmic: bool = True) -> Picture:
        first = 1 if names[0].startswith(VALIDATION) else 0  # its colour is the same everywhere

        def draw() -> Drawing:
            lines = [
                Curve(name.removeprefix(f"{REMAINING} "), n + first, self.series[name])
                for n, name in enumerate(names)
            ]
            events = {} if self.chosen is None else {self.chosen: "weights kept"}
            return draw_curves(lines, label, "step", logarithmic=logarithmic, events=events)

        rows = [[name, step, v] for name in names for step, v in self.series[name].items()]
        return Picture(draw, [["name", "step", "value"], *rows])

    def caption(self, name: str) -> str:
        """One sentence or two on what a picture shows, with its numbers."""
        if name == "losses":
            return loss_caption(self.series, self.chosen, self.simple_model)
        return CAPTIONS[name]

    def section(self) -> Section:
        """The curves, and the table below them."""
        small = [name for name in self.pictures() if name in ("rate", "gradient")]
        parts = {
            "beside": "".join(self.figure(name, self.caption(name)) for name in small),
            "conditions": html.escape(format_conditions(self.conditions)),
            "pictures": "".join(
                self.figure(name, self.caption(name))
                for name in self.pictures()
                if name not in small
            ),
            "messages": "".join(f"<li>{html.escape(message)}</li>" for message in self.messages),
            "table": html_table(self.table()),
        }
        return Section("history", self.title, parts)


def history_of_run(run: Run) -> History:
    """The numbers that training wrote to metrics.jsonl.

    When to use it: to see whether training converged, and whether gradients vanished or exploded.

    Args:
        run: a trained run.

    Raises:
        UserError: for a run without losses in metrics.jsonl.
    """
    series: dict[str, dict[int, float]] = {}
    messages: list[str] = []

    def add(name: str, step: int, value: Any) -> None:
        series.setdefault(name, {})[step] = float(value)

    for line in MetricsFile(run.path / "metrics.jsonl").read():
        step = line["step"]
        if "gradient_norm" in line:
            add("training loss", step, line["loss"])
            add("gradient norm", step, line["gradient_norm"])
            if "learning_rate" in line:
                add("learning rate", step, line["learning_rate"])
        # version 0.1 called it held_out
        for name, value in line.get("validation", line.get("held_out", {})).items():
            if "loss" in name or name.replace("_", " ") in SHARES:
                add(f"{VALIDATION}{name.replace('_', ' ')}", step, value)
        for part, measured in line.get("gradients", {}).items():
            if measured.get("left") is not None:
                add(f"{REMAINING} {part}", step, measured["left"])
        # version 0.1 called them said
        for message in line.get("messages", line.get("said", [])):
            messages.append(f"Step {step}: {message}")
    if not any("loss" in name for name in series):
        raise UserError(f"{run.path} has no metrics.jsonl with losses; expected a trained run.")
    conditions = {"run": str(run.path), "cell": run.settings.cell, "seed": run.settings.seed}
    chosen = chosen_step(run, messages)
    return History(
        f"Training of {run.path.name}",
        conditions,
        series,
        messages[-6:],
        chosen,
        getattr(run.preprocessor, "floor", None) is not None,
    )


def chosen_step(run: Run, messages: list[str]) -> int | None:
    """The step whose weights were kept, from the newest sound checkpoint; None where there is none.

    Args:
        run: a trained run.
        messages: gets a sentence on each damaged checkpoint.
    """
    newest = next(sound_checkpoints(run.path, messages), None)
    return None if newest is None else read_progress(newest).best_step or None


def loss_caption(
    series: Mapping[str, Mapping[int, float]], chosen: int | None, simple_model: bool
) -> str:
    """What the losses show: which is which, and whether the validation loss rose at the end.

    Args:
        series: values by step, by name.
        chosen: the step whose weights were kept.
        simple_model: whether the validation loss is of the network with a simple model.
    """
    words = "Lower is better. The training loss is that of one batch, with dropout"
    if simple_model:
        words += (
            ", of the network alone; the validation loss is of the network with the simple model"
        )
    words += "."
    measured = {k: v for k, v in series.get("validation loss", {}).items() if math.isfinite(v)}
    if len(measured) < 2:
        return words
    least = min(measured, key=lambda step: measured[step])
    last = max(measured)
    words += f" The validation loss is least at step {least:,}, {format_number(measured[least])}"
    if measured[last] > measured[least] > 0 and measured[last] / measured[least] >= 1.01:
        words += f", and {measured[last] / measured[least] - 1:.0%} higher at the end"
    words += "."
    return words if chosen is None else f"{words} Dashed: step {chosen:,}, whose weights were kept."
