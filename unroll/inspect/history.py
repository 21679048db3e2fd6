"""The training of a run: its losses and gradients, step by step, from metrics.jsonl."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
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
from unroll.training.metrics_file import MetricsFile

ROWS = 12  # of the table
REMAINING = "remaining gradient"


@dataclass(frozen=True)
class History(Finding):
    """Numbers over the steps of training. A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        series: values by step, by name.
        messages: the last messages of the gradient monitor.
    """

    title: str
    conditions: dict[str, Any]
    series: dict[str, dict[int, float]]
    messages: list[str]

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
        """`losses`, `gradient` (the norm over all weights) and, with a gradient monitor,
        `remaining_gradient`."""
        losses = [name for name in self.series if "loss" in name]
        remaining = [name for name in self.series if name.startswith(REMAINING)]
        pictures = {"losses": self._picture(losses, "loss", logarithmic=False)}
        if "gradient norm" in self.series:
            pictures["gradient"] = self._picture(["gradient norm"], "norm of the weights' gradient")
        if remaining:
            label = "share of the gradient that remains going back"
            pictures["remaining_gradient"] = self._picture(remaining, label)
        return pictures

    def _picture(self, names: Sequence[str], label: str, logarithmic: bool = True) -> Picture:
        def draw() -> Drawing:
            lines = [
                Curve(name.removeprefix(f"{REMAINING} "), n, self.series[name])
                for n, name in enumerate(names)
            ]
            return draw_curves(lines, label, "step", logarithmic=logarithmic)

        rows = [[name, step, v] for name in names for step, v in self.series[name].items()]
        return Picture(draw, [["name", "step", "value"], *rows])

    def section(self) -> Section:
        """The curves, and the table below them."""
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "pictures": "".join(self.figure(name) for name in self.pictures()),
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
        # version 0.1 called it held_out
        for name, value in line.get("validation", line.get("held_out", {})).items():
            if "loss" in name:
                add(f"validation {name.replace('_', ' ')}", step, value)
        for part, measured in line.get("gradients", {}).items():
            if measured.get("left") is not None:
                add(f"{REMAINING} {part}", step, measured["left"])
        # version 0.1 called them said
        for message in line.get("messages", line.get("said", [])):
            messages.append(f"Step {step}: {message}")
    if not any("loss" in name for name in series):
        raise UserError(f"{run.path} has no metrics.jsonl with losses; expected a trained run.")
    conditions = {"run": str(run.path), "cell": run.settings.cell, "seed": run.settings.seed}
    return History(f"Training of {run.path.name}", conditions, series, messages[-6:])
