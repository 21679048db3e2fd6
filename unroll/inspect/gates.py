"""Gate saturation: how often gates are closed (under 0.1) or open (over 0.9).

Units whose forget gate is open nearly always keep their memory.

Source: A. Karpathy, J. Johnson and L. Fei-Fei, Visualizing and understanding recurrent networks,
2015 (https://arxiv.org/abs/1506.02078), figure 3.

T time, B batch, H units.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.errors import UserError
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    format_conditions,
    html_table,
    network_alone,
    round_digits,
    text_table,
)
from unroll.inspect.heat_map import draw_heat_map
from unroll.inspect.page import Section
from unroll.inspect.recorded_batches import data_objective, recorded_batches
from unroll.inspect.scatter import Cloud, draw_scatter
from unroll.layers.recorded import RecordedCall
from unroll.run import Run

CLOSED, OPEN = 0.1, 0.9
STEPS = 10_000  # approximate number of steps that are read
BINS = 20  # of the distribution
MOSTLY = 0.9  # of the time


@dataclass(frozen=True)
class Gate:
    """The statistics of one gate of one layer.

    Attributes:
        part: the layer and direction.
        name: of the gate, as the cell names it by `tap`.
        closed: the share of the steps with values under 0.1, [H].
        open: the share of the steps with values over 0.9, [H].
        mean: of the values, [H].
        counts: a histogram of all values from 0 to 1, [BINS].
    """

    part: str
    name: str
    closed: Tensor
    open: Tensor
    mean: Tensor
    counts: Tensor

    @property
    def label(self) -> str:
        """`layer 1 forget gate`."""
        return f"{self.part} {self.name.replace('_', ' ')}"


@dataclass(frozen=True)
class Gates(Finding):
    """The gates of a run over data. A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        gates: of every layer and direction.
    """

    title: str
    conditions: dict[str, Any]
    gates: tuple[Gate, ...]

    def as_dict(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "gates": [
                {
                    "part": gate.part,
                    "gate": gate.name,
                    "closed": gate.closed.tolist(),
                    "open": gate.open.tolist(),
                    "mean": gate.mean.tolist(),
                    "distribution": (gate.counts / gate.counts.sum()).tolist(),
                }
                for gate in self.gates
            ],
        }

    def table(self) -> list[list[str]]:
        """One row per gate; the first row holds the names of the columns."""
        head = ["", "mean", f"time under {CLOSED}", f"time over {OPEN}"]
        head += [f"units closed {MOSTLY:.0%} of the time", f"units open {MOSTLY:.0%} of the time"]
        rows = [head]
        for gate in self.gates:
            H = len(gate.mean)
            rows.append(
                [
                    gate.label,
                    f"{gate.mean.mean():.2f}",
                    f"{gate.closed.mean():.0%}",
                    f"{gate.open.mean():.0%}",
                    f"{int((gate.closed >= MOSTLY).sum())} of {H}",
                    f"{int((gate.open >= MOSTLY).sum())} of {H}",
                ]
            )
        return rows

    def text(self) -> str:
        """The table, and the distribution of each gate as a row of characters."""
        lines = [
            f"{self.title}.",
            f"({format_conditions(self.conditions)})",
            "",
            text_table(self.table()),
        ]
        lines += ["", "Distribution of the values, from 0 on the left to 1 on the right:"]
        width = max(len(gate.label) for gate in self.gates)
        for gate in self.gates:
            share = gate.counts / gate.counts.max()
            row = "".join(" .:-=+*#"[min(7, int(s * 7.99))] for s in share.tolist())
            lines.append(f"{gate.label.ljust(width)}  |{row}|")
        return "\n".join(lines)

    def pictures(self) -> dict[str, Picture]:
        """`saturation` (one point per unit: share of time open against share of time closed), the
        `distribution` of the values, and the saturation of each kind of gate."""
        head = ["part", "gate", "unit", "closed", "open", "mean"]
        rows = [
            [gate.part, gate.name, unit, *numbers]
            for gate in self.gates
            for unit, numbers in enumerate(
                torch.stack([gate.closed, gate.open, gate.mean], 1).tolist()
            )
        ]
        spread = [(gate.counts / gate.counts.sum()).tolist() for gate in self.gates]
        labelled = [[g.label, *row] for g, row in zip(self.gates, spread, strict=True)]
        parts = [f"{n / BINS:.2f}" for n in range(BINS)]
        pictures = {
            "saturation": Picture(lambda: self._draw_saturation(self.gates), [head, *rows]),
            "distribution": Picture(
                lambda: self._draw_distribution(spread),
                [["gate", *parts], *labelled],
            ),
        }  # fmt: skip
        for name in dict.fromkeys(gate.name for gate in self.gates):
            same_name = tuple(gate for gate in self.gates if gate.name == name)
            pictures[name] = Picture(
                lambda gates=same_name: self._draw_saturation(gates),  # type: ignore[misc]
                [head, *(row for row in rows if row[1] == name)],
            )
        return pictures

    def _draw_saturation(self, gates: tuple[Gate, ...]) -> Drawing:
        clouds = [
            Cloud(
                gate.label,
                n,
                [(s, o, f"{gate.label}[{k}]") for k, (s, o) in enumerate(closed_and_open(gate))],
            )
            for n, gate in enumerate(gates)
        ]
        up, across = f"share of time over {OPEN}", f"share of time under {CLOSED}"
        return draw_scatter(clouds, up, across, shares=True, diagonal=True)

    def _draw_distribution(self, spread: list[list[float]]) -> Drawing:
        values = np.array(spread)
        title = "distribution of the values, from 0 on the left to 1 on the right"
        values = values / values.max(1, keepdims=True)
        return draw_heat_map(values, title, rows=[gate.label for gate in self.gates], width=400)

    def section(self) -> Section:
        """The saturation of each kind of gate, whose points the script describes."""
        names = dict.fromkeys(gate.name for gate in self.gates)
        plots = "".join(
            self.figure(name, f"{name.replace('_', ' ').capitalize()}.") for name in names
        )
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "plots": plots,
            "distribution": self.figure("distribution"),
            "table": html_table(self.table()),
        }
        data = {
            "gates": [
                {
                    "label": gate.label,
                    "units": [
                        [round_digits(value, 3) for value in row]
                        for row in torch.stack([gate.closed, gate.open, gate.mean], 1).tolist()
                    ],
                }
                for gate in self.gates
            ]
        }
        return Section("gates", self.title, parts, data)


def closed_and_open(gate: Gate) -> list[tuple[float, float]]:
    """(closed, open) of every unit."""
    return list(zip(gate.closed.tolist(), gate.open.tolist(), strict=True))


class GateCounter:
    """Counts the values of one gate, batch after batch.

    Args:
        units: H.
    """

    def __init__(self, units: int) -> None:
        self.steps = 0
        self.closed, self.open, self.total = (
            torch.zeros(units, dtype=torch.float64) for _ in range(3)
        )
        self.counts = torch.zeros(BINS, dtype=torch.float64)

    def add(self, values: Tensor) -> None:
        """Count the values of N steps, [N, H]."""
        values = values.double().cpu()
        self.steps += len(values)
        self.closed += (values < CLOSED).sum(0)
        self.open += (values > OPEN).sum(0)
        self.total += values.sum(0)
        self.counts += torch.histc(values, BINS, 0.0, 1.0)


def gates_of_run(run: Run, data: str | Path, *, steps: int = STEPS) -> Gates:
    """Run the network over data, as its task reads it, and count the values of its gates.

    When to use it: to see whether a trained network keeps its memory (forget gates open) or clears
    it at every step (closed). It supports every cell that names its gates by `tap`.

    Args:
        run: a trained run, which is not changed; dropout is off.
        data: a file of the kind that it was trained on.
        steps: about how many steps are read; padding does not count.

    Raises:
        UserError: for a cell that names no gates, and data that cannot be read.
    """
    if steps < 1:
        raise UserError(f"--steps got {steps}; expected at least 1.")
    counters: dict[tuple[str, str], GateCounter] = {}
    seen: set[str] = set()
    steps_read = 0
    for calls in recorded_batches(data_objective(run, data)):
        for call in calls:
            count_gates(call, counters, seen)
        steps_read += int(max(calls, key=lambda call: call.x.shape[0]).alive.sum())
        if steps_read >= steps:
            break
    if not counters:
        taps = f"it names {', '.join(sorted(seen))}" if seen else "it names nothing"
        raise UserError(
            f"The cell {run.settings.cell} has no gates: {taps} by `tap`. A gate is a value from 0 "
            "to 1 whose name contains `gate`."
        )
    gates = tuple(
        Gate(part, name, c.closed / c.steps, c.open / c.steps, c.total / c.steps, c.counts)
        for (part, name), c in counters.items()
    )
    conditions = {
        "run": str(run.path),
        "data": str(data),
        "steps": steps_read,
        **network_alone(run),
    }
    return Gates(f"Gates of {run.path.name}", conditions, gates)


def count_gates(
    call: RecordedCall, counters: dict[tuple[str, str], GateCounter], seen: set[str]
) -> None:
    """Add the gates of a call to their counters.

    Args:
        call: of a layer.
        counters: by part and gate; new gates are added.
        seen: every name that a cell gave by `tap`; new names are added.
    """
    alive = call.alive
    for part, _, record in call.parts():
        for name, values in record.values.items():
            seen.add(name)
            if "gate" not in name or not values.is_floating_point() or values.dim() < 3:
                continue
            rows = values[alive].flatten(1)
            if rows.numel() and 0 <= float(rows.min()) and float(rows.max()) <= 1:
                counters.setdefault((part, name), GateCounter(rows.shape[1])).add(rows)
