"""How often gates are shut or open: gate saturation.

A gate that is under 0.1 most of the time is shut, one over 0.9 open. Units whose forget gate is
open nearly always remember; units whose gates are hardly ever either do arithmetic.

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
from unroll.inspect.finding import Finding, Picture, html_table, in_brackets, rounded, text_table
from unroll.inspect.heat import heat_map
from unroll.inspect.of_data import objective_of, recorded_batches
from unroll.inspect.page import Section
from unroll.inspect.scatter import Cloud, scatter
from unroll.layers.recorded import RecordedCall
from unroll.run import Run

SHUT, OPEN = 0.1, 0.9
STEPS = 10_000  # steps of sequences that are read, about
BINS = 20  # of the distribution
MOSTLY = 0.9  # of the time


@dataclass(frozen=True)
class Gate:
    """One gate of one layer. name: as the cell calls it. shut, open: the share of the steps under
    0.1 and over 0.9, [H]. mean: [H]. counts: how often each of BINS equal parts of 0 to 1 came."""

    part: str
    name: str
    shut: Tensor
    open: Tensor
    mean: Tensor
    counts: Tensor

    @property
    def label(self) -> str:
        """`layer 1 forget gate`."""
        return f"{self.part} {self.name.replace('_', ' ')}"


@dataclass(frozen=True)
class Gates(Finding):
    """The gates of a run over data. A notebook shows it as a picture and a table."""

    title: str
    conditions: dict[str, Any]
    gates: tuple[Gate, ...]

    def facts(self) -> dict[str, Any]:
        """Every number, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "gates": [
                {
                    "part": gate.part,
                    "gate": gate.name,
                    "shut": gate.shut.tolist(),
                    "open": gate.open.tolist(),
                    "mean": gate.mean.tolist(),
                    "distribution": (gate.counts / gate.counts.sum()).tolist(),
                }
                for gate in self.gates
            ],
        }

    def table(self) -> list[list[str]]:
        """What each gate does on the whole."""
        head = ["", "mean", f"time under {SHUT}", f"time over {OPEN}"]
        head += [f"units shut {MOSTLY:.0%} of the time", f"units open {MOSTLY:.0%} of the time"]
        rows = [head]
        for gate in self.gates:
            H = len(gate.mean)
            rows.append(
                [
                    gate.label,
                    f"{gate.mean.mean():.2f}",
                    f"{gate.shut.mean():.0%}",
                    f"{gate.open.mean():.0%}",
                    f"{int((gate.shut >= MOSTLY).sum())} of {H}",
                    f"{int((gate.open >= MOSTLY).sum())} of {H}",
                ]
            )
        return rows

    def text(self) -> str:
        """The table, and the distribution of each gate as a row of signs."""
        lines = [
            f"{self.title}.",
            f"({in_brackets(self.conditions)})",
            "",
            text_table(self.table()),
        ]
        lines += ["", "How often each value comes, from 0 on the left to 1 on the right:"]
        wide = max(len(gate.label) for gate in self.gates)
        for gate in self.gates:
            share = gate.counts / gate.counts.max()
            row = "".join(" .:-=+*#"[min(7, int(s * 7.99))] for s in share.tolist())
            lines.append(f"{gate.label.ljust(wide)}  |{row}|")
        return "\n".join(lines)

    def pictures(self) -> dict[str, Picture]:
        """`saturation`: of each gate every unit, how often open against how often shut; and the
        `distribution` of each gate's values."""
        head = ["part", "gate", "unit", "shut", "open", "mean"]
        rows = [
            [gate.part, gate.name, unit, *numbers]
            for gate in self.gates
            for unit, numbers in enumerate(
                torch.stack([gate.shut, gate.open, gate.mean], 1).tolist()
            )
        ]
        spread = [(gate.counts / gate.counts.sum()).tolist() for gate in self.gates]
        named = [[g.label, *row] for g, row in zip(self.gates, spread, strict=True)]
        parts = [f"{n / BINS:.2f}" for n in range(BINS)]
        found = {
            "saturation": Picture(lambda: self._saturation(self.gates), [head, *rows]),
            "distribution": Picture(
                lambda: self._distribution(spread),
                [["gate", *parts], *named],
            ),
        }  # fmt: skip
        for name in dict.fromkeys(gate.name for gate in self.gates):
            some = tuple(gate for gate in self.gates if gate.name == name)
            found[name] = Picture(
                lambda some=some: self._saturation(some),  # type: ignore[misc]
                [head, *(row for row in rows if row[1] == name)],
            )
        return found

    def _saturation(self, gates: tuple[Gate, ...]) -> Drawing:
        clouds = [
            Cloud(
                gate.label,
                n,
                [(s, o, f"{gate.label}[{k}]") for k, (s, o) in enumerate(pairs(gate))],
            )
            for n, gate in enumerate(gates)
        ]
        up, across = f"share of time over {OPEN}", f"share of time under {SHUT}"
        return scatter(clouds, up, across, unit=True, diagonal=True)

    def _distribution(self, spread: list[list[float]]) -> Drawing:
        values = np.array(spread)
        title = "how often each value comes, from 0 on the left to 1 on the right"
        values = values / values.max(1, keepdims=True)
        return heat_map(values, title, rows=[gate.label for gate in self.gates], width=400)

    def section(self) -> Section:
        """Every gate as a picture whose dots can be pointed at."""
        names = dict.fromkeys(gate.name for gate in self.gates)
        figures = "".join(
            f"<figure><figcaption>{html.escape(name.replace('_', ' '))}</figcaption>"
            f"{self.svg(name)}</figure>"
            for name in names
        )
        parts = {
            "conditions": html.escape(in_brackets(self.conditions)),
            "figures": figures,
            "distribution": self.svg("distribution"),
            "table": html_table(self.table()),
        }
        data = {
            "gates": [
                {"label": gate.label, "units": [[rounded(v, 3) for v in (*two, m)] for two, m in
                                                zip(pairs(gate), gate.mean.tolist(), strict=True)]}
                for gate in self.gates
            ]
        }  # fmt: skip
        return Section("gates", self.title, parts, data)


def pairs(gate: Gate) -> list[tuple[float, float]]:
    """(shut, open) of every unit."""
    return list(zip(gate.shut.tolist(), gate.open.tolist(), strict=True))


class Counter:
    """Counts the values of one gate, batch after batch."""

    def __init__(self, units: int) -> None:
        self.steps = 0
        self.shut, self.open, self.total = (
            torch.zeros(units, dtype=torch.float64) for _ in range(3)
        )
        self.counts = torch.zeros(BINS, dtype=torch.float64)

    def add(self, values: Tensor) -> None:
        """values: [N, H]."""
        values = values.double().cpu()
        self.steps += len(values)
        self.shut += (values < SHUT).sum(0)
        self.open += (values > OPEN).sum(0)
        self.total += values.sum(0)
        self.counts += torch.histc(values, BINS, 0.0, 1.0)


def gates_of_run(run: Run, data: str | Path, *, steps: int = STEPS) -> Gates:
    """Run the network over data, as its task reads it, and count what its gates do.

    When to use it: to see whether a trained network remembers (forget gates open), acts step by
    step (shut), or has units that do nothing. For every cell that names its gates by `tap`.

    data: a file of the kind it was trained on. steps: of sequences that are read, about; padding
    does not count. Dropout is off.
    Raises: UserError for a cell that names no gates, and data that cannot be read.
    """
    if steps < 1:
        raise UserError(f"--steps got {steps}; expected at least 1.")
    counters: dict[tuple[str, str], Counter] = {}
    seen: set[str] = set()
    read = 0
    for calls in recorded_batches(objective_of(run, data)):
        for call in calls:
            count(call, counters, seen)
        read += int(max(calls, key=lambda call: call.x.shape[0]).alive.sum())
        if read >= steps:
            break
    if not counters:
        named = f"it names {', '.join(sorted(seen))}" if seen else "it names nothing"
        raise UserError(
            f"The cell {run.settings.cell} has no gates to look at: {named} by `tap`. A gate is a "
            "value from 0 to 1 whose name has `gate` in it."
        )
    gates = tuple(
        Gate(part, name, c.shut / c.steps, c.open / c.steps, c.total / c.steps, c.counts)
        for (part, name), c in counters.items()
    )
    conditions = {"run": str(run.path), "data": str(data), "steps": read}
    return Gates(f"Gates of {run.path.name}", conditions, gates)


def count(call: RecordedCall, counters: dict[tuple[str, str], Counter], seen: set[str]) -> None:
    """Add a call's gates to their counters."""
    alive = call.alive
    for part, _, record in call.parts():
        for name, values in record.values.items():
            seen.add(name)
            if "gate" not in name or not values.is_floating_point() or values.dim() < 3:
                continue
            rows = values[alive].flatten(1)
            if rows.numel() and 0 <= float(rows.min()) and float(rows.max()) <= 1:
                counters.setdefault((part, name), Counter(rows.shape[1])).add(rows)
