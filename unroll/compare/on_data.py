"""Cells compared on a user's own data: a run of each cell and seed, by its validation metric."""

from __future__ import annotations

import html
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unroll.compare.comparison import check_numbers
from unroll.compare.difference import describe_difference
from unroll.compare.variants import variants_of
from unroll.errors import UserError
from unroll.inspect.cover import deciding_metric
from unroll.inspect.curves import Curve, draw_curves
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    Row,
    format_conditions,
    format_number,
    html_table,
    round_digits,
    text_table,
)
from unroll.inspect.history import history_of_run
from unroll.inspect.page import Section
from unroll.run import Run, train
from unroll.settings import RecurrentSettings, settings_from
from unroll.training.run_cell import given_cell

ENDS = ("done", "early")  # of a run that was not stopped


@dataclass(frozen=True)
class DataComparison(Finding):
    """What runs of several cells on the same data came to.

    Attributes:
        title: what was compared.
        conditions: under which conditions.
        metric: that decides, of the validation set.
        higher_is_better: of that metric.
        metrics: of each cell, a number for each seed.
        losses: of each cell and seed, the validation loss by step.
        folders: of each cell, the run folders.
    """

    title: str
    conditions: dict[str, Any]
    metric: str
    higher_is_better: bool
    metrics: dict[str, list[float]]
    losses: dict[str, list[dict[int, float]]]
    folders: dict[str, list[str]]

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "metric": self.metric,
            "cells": {
                cell: {
                    "mean": round_digits(statistics.fmean(values)),
                    "seeds": [round_digits(value) for value in values],
                    "runs": self.folders[cell],
                }
                for cell, values in self.metrics.items()
            },
            "verdict": self.verdict(),
        }

    def table(self) -> list[list[str]]:
        """A row of each cell; the first row holds the names of the columns."""
        rows = [["cell", self.metric.replace("_", " "), "least", "most", "seeds"]]
        for cell, values in self.metrics.items():
            shown = [statistics.fmean(values), min(values), max(values)]
            rows.append([cell, *map(format_number, shown), str(len(values))])
        return rows

    def verdict(self) -> str:
        """Whether the best cell differs from the others by more than the seeds do."""
        if len(self.metrics) > 1:
            return describe_difference(self.metrics, higher_is_better=self.higher_is_better)
        ((cell, values),) = self.metrics.items()
        name = self.metric.replace("_", " ")
        return f"{cell}: {format_number(statistics.fmean(values))} {name}."

    def text(self) -> str:
        """The table, and what it says."""
        given = format_conditions(self.conditions)
        return "\n".join(
            [f"{self.title}.", f"({given})", "", text_table(self.table()), "", self.verdict()]
        )

    def pictures(self) -> dict[str, Picture]:
        """`losses`: the validation loss over the steps, of every seed."""
        rows: list[Row] = [["cell", "seed", "step", "loss"]]
        for cell, seeds in self.losses.items():
            for n, losses in enumerate(seeds, 1):
                rows += [[cell, n, step, loss] for step, loss in losses.items()]
        return {"losses": Picture(self._draw, rows)}

    def _draw(self) -> Drawing:
        lines = [
            Curve(f"{cell} {n}" if len(seeds) > 1 else cell, k, losses, n - 1)
            for k, (cell, seeds) in enumerate(self.losses.items())
            for n, losses in enumerate(seeds, 1)
            if losses
        ]
        return draw_curves(lines, "validation loss", "step", logarithmic=False)

    def cover(self) -> str:
        """What was found, in one sentence."""
        return self.verdict()

    def section(self) -> Section:
        """The curves, the verdict and the table."""
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "beside": "",
            "pictures": self.figure(),
            "messages": f"<li>{html.escape(self.verdict())}</li>",
            "table": html_table(self.table()),
        }
        return Section("history", self.title, parts)


def compare_on_data(
    cells: Sequence[str],
    data: str,
    out: Path,
    *,
    seeds: int = 1,
    seconds: float | None = None,
    steps: int | None = None,
    settings: dict[str, Any] | None = None,
) -> DataComparison:
    """Train a run of each cell and seed on the same data, and compare their validation metrics.

    The network stands alone (`floor=none`), so that the numbers are the cell's.

    Args:
        cells: names that `unroll cells` lists, or FILE.py:CLASS.
        data: a file that `unroll.train` takes.
        out: a folder, in which the run folders are made.
        seeds: runs of each cell.
        seconds: the budget of each run.
        steps: the budget of each run, in its place.
        settings: further settings of the runs.

    Raises:
        UserError: for what `unroll.train` refuses, and where a signal stopped it; the runs are kept, and
            the same call goes on with them.
    """
    check_numbers(seeds, 1, steps, seconds, 0.01)
    variants_of(cells, init="torch", gain=1.0, clip=None, truncate=None)  # or a refusal
    given = {"floor": "none", "refit": False, **(settings or {})}
    budget = {"seconds": seconds} if steps is None else {"steps": steps}
    for cell in cells:  # what does not exist is refused before anything is trained
        given_cell(settings_from(RecurrentSettings, {"cell": cell}))
    runs: dict[str, list[Run]] = {}
    for cell in cells:
        runs[cell] = []
        name = "".join(c if c.isalnum() else "_" for c in cell)
        for seed in range(1, seeds + 1):
            folder = out / f"{name}-{seed}"
            begun = folder.exists()
            run = train(data, folder, cell=cell, seed=seed, resume=begun, **budget, **given)
            if run.result().get("stopped_by") not in ENDS:
                raise UserError(
                    f"Stopped in the run {folder}. All runs are kept: the same command goes on with them."
                )
            runs[cell].append(run)
    first = runs[cells[0]][0]
    decides = deciding_metric(first.result())
    if decides is None:
        raise UserError(
            f"{first.path} has no metric by which cells can be compared. Train it again."
        )
    metric = decides.name
    conditions = {**budget, "seeds": seeds, "simple model": "none", "data": data}
    return DataComparison(
        title=f"{Path(data).name}: {', '.join(cells)}",
        conditions={k: v for k, v in conditions.items() if v is not None},
        metric=metric,
        higher_is_better=decides.higher_is_better,
        metrics={c: [float(run.result()[metric]) for run in of] for c, of in runs.items()},
        losses={c: [validation_losses(run) for run in of] for c, of in runs.items()},
        folders={c: [str(run.path) for run in of] for c, of in runs.items()},
    )


def validation_losses(run: Run) -> dict[int, float]:
    """The validation loss by step."""
    series = history_of_run(run).series
    return next((s for name, s in series.items() if name.startswith("validation")), {})
