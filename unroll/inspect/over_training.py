"""What changed in a network while it was trained: the snapshots of a run as curves and paths.

K tokens, A directions, S snapshots.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unroll.errors import UserError
from unroll.inspect.curves import Curve, draw_curves
from unroll.inspect.drawing import DASHES, Drawing
from unroll.inspect.finding import (
    Finding,
    Picture,
    format_conditions,
    format_number,
    html_table,
    text_table,
)
from unroll.inspect.page import Section
from unroll.inspect.scatter import Cloud, draw_scatter
from unroll.inspect.vectors import PLACES, row_names, visible_token
from unroll.run import Run
from unroll.training.metrics_file import MetricsFile
from unroll.training.snapshots import FILE

SHOWN_TOKENS = 8  # of an embedding, whose paths are drawn
SHOWN_TENSORS = 8  # in a figure, those that moved most
SPECIAL = ("<unk>", "<s>", "<eos>")  # tokens that are no words
ROWS = 8  # of the table


@dataclass(frozen=True)
class OverTraining(Finding):
    """A network at several steps of its training. A notebook shows it as a picture and a table.

    Attributes:
        title: what was measured.
        conditions: under which conditions.
        snapshots: as snapshots.jsonl holds them, in the order of their steps.
        tokens: names of the rows of each embedding, by its name in the network.
    """

    title: str
    conditions: dict[str, Any]
    snapshots: list[dict[str, Any]]
    tokens: dict[str, list[str]]

    @property
    def steps(self) -> list[int]:
        """The step of each snapshot."""
        return [line["step"] for line in self.snapshots]

    def series(self, key: str, index: int | None = None) -> dict[str, dict[int, float]]:
        """Numbers by step, by name.

        Args:
            key: of a snapshot: "norms", "moved", "gates".
            index: which of several numbers. Default: there is one.
        """
        found: dict[str, dict[int, float]] = {}
        for line in self.snapshots:
            for name, value in (line.get(key) or {}).items():
                number = value if index is None else value[index]
                if number is not None:
                    found.setdefault(name, {})[line["step"]] = number
        return found

    def paths(self, name: str) -> tuple[list[str], torch.Tensor] | None:
        """Where the tokens of an embedding were at each snapshot.

        The axes are the first two principal components of the last snapshot, so they are the same at
        every step.

        Args:
            name: of the embedding in the network.

        Returns:
            The tokens, and [S, K, 2]; None for an embedding of fewer than three tokens or two numbers.
        """
        rows = [line["embeddings"][name] for line in self.snapshots]
        points = torch.tensor([[[v or 0.0 for v in row] for row in one] for one in rows]).double()
        if points.shape[1] < 3 or points.shape[2] < 2:
            return None
        last = points[-1] - points[-1].mean(0)
        axes = torch.linalg.svd(last, full_matrices=False).Vh[:2]
        names = self.tokens.get(name) or [f"row {k}" for k in range(points.shape[1])]
        kept = [k for k, word in enumerate(names[: points.shape[1]]) if word not in SPECIAL]
        return [names[k] for k in kept], (points[:, kept] - points[-1].mean(0)) @ axes.T

    def as_dict(self) -> dict[str, Any]:
        """Every snapshot, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "snapshots": self.snapshots,
            "tokens": self.tokens,
        }

    def table(self) -> list[list[str]]:
        """A sample of the snapshots: how far the weights moved, the gates, the bias of the output."""
        moved, gates = self.series("moved"), self.series("gates", 0)
        names = sorted(moved, key=lambda name: -max(moved[name].values()))[:4]
        entropies = any("bias_entropy" in line for line in self.snapshots)
        head = ["step", *(f"moved: {name}" for name in names), *(f"{g} mean" for g in gates)]
        rows = [head + (["entropy of the output's bias"] if entropies else [])]
        steps = self.steps
        sample = [k * (len(steps) - 1) // (ROWS - 1) for k in range(ROWS)]
        for k in dict.fromkeys(sample):
            step, line = steps[k], self.snapshots[k]
            cells = [f"{step:,}"]
            cells += [format_number(moved[name].get(step)) for name in names]
            cells += [format_number(gates[name].get(step)) for name in gates]
            if entropies:
                cells.append(format_number((line.get("bias_entropy") or [None])[0]))
            rows.append(cells)
        return rows

    def text(self) -> str:
        """The table, and which tensors moved most."""
        return "\n".join(
            [
                f"{self.title}.",
                f"({format_conditions(self.conditions)})",
                "",
                self.sentence(),
                text_table(self.table()),
            ]
        )

    def sentence(self) -> str:
        """What moved most and what least, relative to its start."""
        moved = {name: list(points.values())[-1] for name, points in self.series("moved").items()}
        if not moved:
            return "The distance of the weights from their start was not kept for a network of this size."
        order = sorted(moved, key=lambda name: -moved[name])
        most, least = order[0], order[-1]
        said = (
            f"By step {self.steps[-1]:,} {most} moved furthest: its distance from the start is "
            f"{moved[most]:.3g} times the norm of the start"
        )
        return f"{said}; {least} moved least ({moved[least]:.3g})." if most != least else f"{said}."

    def pictures(self) -> dict[str, Picture]:
        """`moved` and `norms` of the weights, the `gates`, and the `path` of each embedding."""
        moved = self.series("moved")
        most = sorted(moved, key=lambda name: -max(moved[name].values()))[:SHOWN_TENSORS]
        norms = self.series("norms")
        pictures = {}
        if most:
            label = "distance from the start, relative to its norm"
            pictures["moved"] = curves({name: moved[name] for name in most}, label)
        shown = most or list(norms)[:SHOWN_TENSORS]
        pictures["norms"] = curves({name: norms[name] for name in shown}, "norm")
        if means := self.series("gates", 0):
            pictures["gates"] = curves(means, "mean of the gate, from 0 to 1")
            pictures["gates open"] = curves(self.series("gates", 2), "share of the time over 0.9")
        entropy = {
            line["step"]: line["bias_entropy"][0]
            for line in self.snapshots
            if line.get("bias_entropy") and line["bias_entropy"][0] is not None
        }
        if entropy:
            label = "entropy of the softmax of the output's bias, nats"
            pictures["bias"] = curves({"entropy": entropy}, label)
        for name in self.snapshots[-1].get("embeddings", {}):
            if (found := self.paths(name)) is not None:
                pictures[f"path {name}"] = path_picture(name, *found, self.steps)
        return pictures

    def section(self) -> Section:
        """The pictures, and the table below them."""
        figures = "".join(self.figure(name, caption(name)) for name in self.pictures())
        parts = {
            "conditions": html.escape(format_conditions(self.conditions)),
            "pictures": f"<p>{html.escape(self.sentence())}</p>{figures}",
            "table": html_table(self.table()),
        }
        return Section("figures", self.title, parts)


def caption(name: str) -> str:
    """What a picture shows."""
    known = {
        "moved": "How far the weights are from where they started",
        "norms": "The norm of the same weights",
        "gates": "The mean of every gate over the first batch",
        "gates open": "How often gates are open",
        "bias": "What the output predicts whatever is read: the lower, the more certain",
    }
    if name in known:
        return known[name]
    return (
        f"The path of some tokens in {name.removeprefix('path ')}, from the first snapshot to the last "
        "(the labelled end), on the principal components of the last one"
    )


def curves(series: Mapping[str, Mapping[int, float]], label: str) -> Picture:
    """Curves over the steps."""
    lines = [
        Curve(name, n % 4, points, n // 4 % len(DASHES))
        for n, (name, points) in enumerate(series.items())
    ]
    rows = [[name, step, v] for name, points in series.items() for step, v in points.items()]
    return Picture(
        lambda: draw_curves(lines, label, "step", logarithmic=False),
        [["name", "step", "value"], *rows],
    )


def path_picture(
    name: str, tokens: Sequence[str], points: torch.Tensor, steps: Sequence[int]
) -> Picture:
    """The places of tokens at every snapshot. points: [S, K, 2]."""
    shown = [visible_token(token) for token in tokens]

    def draw() -> Drawing:
        last = len(steps) - 1
        clouds = [
            Cloud(
                shown[k],
                k,
                [(*points[s, k].tolist(), f"{shown[k]}, step {steps[s]:,}") for s in range(last)]
                + [(*points[last, k].tolist(), shown[k])],
            )
            for k in range(min(SHOWN_TOKENS, len(shown)))
        ]
        return draw_scatter(clouds, f"{name}: axis 2", "axis 1")

    rows = [
        [token, step, *points[s, k].tolist()]
        for k, token in enumerate(tokens)
        for s, step in enumerate(steps)
    ]
    return Picture(draw, [["token", "step", "x", "y"], *rows])


def over_training_of_run(run: Run) -> OverTraining:
    """The snapshots that a run took of its network while it was trained.

    When to use it: to see what learning changes: which weights move, whether gates open or shut, where
    embeddings go.

    Args:
        run: a trained run.

    Raises:
        UserError: for a run without snapshots: of an earlier version, solved in closed form, or trained
            with `--set snapshots=false`.
    """
    snapshots = MetricsFile(run.path / FILE).read()
    snapshots = [line for line in snapshots if line.get("norms")]
    if not snapshots:
        raise UserError(
            f"{run.path} has no {FILE}: it was made by an earlier version, solved in closed form, or trained "
            "with --set snapshots=false. Train it again to see what changes."
        )
    snapshots.sort(key=lambda line: line["step"])
    tokens = {}
    for _, place, key in PLACES:
        rows = snapshots[-1].get("embeddings", {}).get(place)
        vocabulary = getattr(run.preprocessor, key, None)
        if rows is not None and vocabulary is not None:
            tokens[place] = row_names(vocabulary, len(rows))
    conditions = {
        "run": str(run.path),
        "snapshots": len(snapshots),
        "steps": f"{snapshots[0]['step']:,} to {snapshots[-1]['step']:,}",
    }
    return OverTraining(f"{run.path.name} over its training", conditions, snapshots, tokens)
