"""How a run was trained: its losses, rates and gradients, step by step, from metrics.jsonl."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unroll.errors import UserError
from unroll.inspect.curves import Curve, curves
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Finding, Picture, html_table, in_brackets, shown, text_table
from unroll.inspect.page import Section
from unroll.run import Run
from unroll.training.metrics_file import MetricsFile

ROWS = 12  # of the table
LEFT = "left of the gradient"


@dataclass(frozen=True)
class History(Finding):
    """Numbers over the steps of training. series: by name, value by step. sentences: what the watch
    on gradients said. A notebook shows it as a picture and a table."""

    title: str
    conditions: dict[str, Any]
    series: dict[str, dict[int, float]]
    sentences: list[str]

    def facts(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "series": {
                name: {step: v for step, v in points.items() if math.isfinite(v)}
                for name, points in self.series.items()
            },
            "said": self.sentences,
        }

    def table(self) -> list[list[str]]:
        """Some steps, evenly spaced, with everything that was measured there or just before."""
        steps = sorted({step for points in self.series.values() for step in points})
        some = [steps[k * (len(steps) - 1) // (ROWS - 1)] for k in range(ROWS)]
        rows = [["step", *self.series]]
        for step in dict.fromkeys(some):
            before = [[v for at, v in p.items() if at <= step] for p in self.series.values()]
            rows.append(
                [f"{step:,}", *(shown(values[-1] if values else None) for values in before)]
            )
        return rows

    def text(self) -> str:
        """The table, and what was said of gradients."""
        given = in_brackets(self.conditions)
        return "\n".join(
            [f"{self.title}.", f"({given})", "", text_table(self.table()), *self.sentences]
        )

    def pictures(self) -> dict[str, Picture]:
        """`losses`, `gradient` (the norm over all weights) and, of a watched run, `left`."""
        losses = [name for name in self.series if "loss" in name]
        left = [name for name in self.series if name.startswith(LEFT)]
        found = {"losses": self._picture(losses, "loss", powers=False)}
        if "gradient norm" in self.series:
            found["gradient"] = self._picture(["gradient norm"], "norm of the weights' gradient")
        if left:
            found["left"] = self._picture(left, "share of the gradient that is left, going back")
        return found

    def _picture(self, names: Sequence[str], label: str, powers: bool = True) -> Picture:
        def drawn() -> Drawing:
            lines = [
                Curve(name.removeprefix(f"{LEFT} "), n, self.series[name])
                for n, name in enumerate(names)
            ]
            return curves(lines, label, "step", powers=powers)

        rows = [[name, step, v] for name in names for step, v in self.series[name].items()]
        return Picture(drawn, [["name", "step", "value"], *rows])

    def section(self) -> Section:
        """The curves, and the table under them."""
        parts = {
            "conditions": html.escape(in_brackets(self.conditions)),
            "pictures": "".join(
                f'<div class="figure">{self.svg(name)}</div>' for name in self.pictures()
            ),
            "said": "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.sentences),
            "table": html_table(self.table()),
        }
        return Section("history", self.title, parts)


def history_of_run(run: Run) -> History:
    """The numbers that training wrote down.

    Raises: UserError where there are none.
    """
    series: dict[str, dict[int, float]] = {}
    sentences: list[str] = []

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
                add(f"held-out {name.replace('_', ' ')}", step, value)
        for part, found in line.get("gradients", {}).items():
            if found.get("left") is not None:
                add(f"{LEFT} {part}", step, found["left"])
        # version 0.1 called them said
        for sentence in line.get("messages", line.get("said", [])):
            sentences.append(f"Step {step}: {sentence}")
    if not any("loss" in name for name in series):
        raise UserError(f"{run.path} has no metrics.jsonl with losses; expected a trained run.")
    conditions = {"run": str(run.path), "cell": run.settings.cell, "seed": run.settings.seed}
    return History(f"Training of {run.path.name}", conditions, series, sentences[-6:])
