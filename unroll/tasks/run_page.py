"""A run as a notebook shows it: its metrics, the curve of its training, a sample, its settings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from unroll.errors import UserError
from unroll.terminal import printable, shortened
from unroll.training.metrics_file import MetricsFile

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 200, 60, 24
MOST_POINTS = 300  # of a curve
SMALL = 1_000_000  # bytes of data of which records are read for a sample
RECORDS, SAMPLE_TOKENS, SAMPLE_LETTERS = 3, 160, 1_500
COLOURS = {"training loss": "#8aa", "validation loss": "#c33"}


class ShownRun(Protocol):
    """What of a run is shown; see `Run`."""

    config: Any
    recorded: Any
    task_name: str

    @property
    def path(self) -> Path:
        """The run folder."""
        ...

    def result(self) -> dict[str, Any]:
        """The validation metrics."""
        ...

    def predict_file(self, path: Any) -> Iterator[dict[str, Any]]:
        """A prediction for each record of a file."""
        ...

    def format_prediction(self, prediction: dict[str, Any]) -> str:
        """A prediction as people read it."""
        ...

    def generate(self, prompt: str = "", length: int = 400, **sampling: Any) -> str:
        """A text or a tune."""
        ...


def run_page(run: ShownRun) -> str:
    """The run as HTML; nothing in it is computed for long."""
    settings = run.recorded
    heading = f"{run.path}: {run.task_name}, {settings.cell} {settings.layers}x{settings.hidden}"
    recorded = settings.model_dump(mode="json", exclude_none=True)
    rows = [["setting", "value"], *([name, str(value)] for name, value in recorded.items())]
    return (
        f"<h4>{escape(printable(heading))}</h4>{metrics_table(run.result())}"
        f"{training_curve(MetricsFile(run.path / 'metrics.jsonl').read())}"
        f"<h5>Sample</h5><pre>{escape(printable(sample_of(run)))}</pre>"
        f"<details><summary>Settings</summary>{table(rows)}</details>"
    )


def metrics_table(result: Mapping[str, Any]) -> str:
    """The metrics of the validation set beside those of the baselines; empty before the end."""
    baselines = {
        name: metrics
        for name, metrics in result.get("baselines", {}).items()
        if isinstance(metrics, dict)
    }
    rows = [["validation set", "this model", *baselines]]
    for name, value in result.items():
        if is_number(value) and name not in ("steps", "seconds"):
            others = [metrics.get(name) for metrics in baselines.values()]
            rows.append([name.replace("_", " "), *map(in_digits, (value, *others))])
    if len(rows) == 1:
        return "<p>Training has not ended.</p>"
    note = f"{result['steps']:,} steps" if is_number(result.get("steps")) else ""
    return table(rows) + f"<p>{note}</p>"


def is_number(value: object) -> bool:
    """Whether a value of JSON is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def in_digits(value: object) -> str:
    """A number in four digits; a dash for anything else."""
    if not is_number(value):
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table as HTML; its first row holds the headings."""
    head, *body = [[escape(printable(cell)) for cell in row] for row in rows]
    lines = [f"<tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>"]
    lines += [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body]
    return f"<table>{''.join(lines)}</table>"


def training_curve(lines: Sequence[Mapping[str, Any]]) -> str:
    """The losses over the steps as SVG, from the lines of metrics.jsonl; empty for fewer than two."""
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in COLOURS}
    for line in lines:
        validation = line.get("validation")
        inside = validation if isinstance(validation, dict) else {}
        for name, loss in (
            ("training loss", line.get("loss")),
            ("validation loss", inside.get("loss")),
        ):
            if is_number(loss) and is_number(line["step"]) and math.isfinite(float(loss or 0)):
                curves[name].append((float(line["step"]), float(loss or 0)))
    points = [point for curve in curves.values() for point in curve]
    if len(points) < 2:
        return ""
    (x0, x1), (y0, y1) = (
        (min(p[axis] for p in points), max(p[axis] for p in points)) for axis in (0, 1)
    )
    across = (WIDTH - LEFT - 10) / ((x1 - x0) or 1)
    up = (HEIGHT - BOTTOM - 10) / ((y1 - y0) or 1)
    drawn = []
    for number, (name, curve) in enumerate(curves.items()):
        kept = curve[:: max(1, len(curve) // MOST_POINTS)]
        path = " ".join(
            f"{LEFT + (x - x0) * across:.1f},{HEIGHT - BOTTOM - (y - y0) * up:.1f}" for x, y in kept
        )
        colour = COLOURS[name]
        drawn.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
            f'<text x="{WIDTH - 130}" y="{20 + 16 * number}" fill="{colour}">{name}</text>'
        )
    labels = (
        f'<text x="4" y="16">{y1:.4g}</text><text x="4" y="{HEIGHT - BOTTOM}">{y0:.4g}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}">step {x0:,.0f}</text>'
        f'<text x="{WIDTH - 90}" y="{HEIGHT - 6}">step {x1:,.0f}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-size="12" fill="currentColor" role="img" '
        f'aria-label="Loss over the steps">{labels}{"".join(drawn)}</svg>'
    )


def sample_of(run: ShownRun) -> str:
    """A text that the run writes, or its predictions for the first records of its data."""
    try:
        if run.task_name in ("language", "music"):
            return shortened(written_by(run), SAMPLE_LETTERS)
        path = Path(run.config["data"]["path"])
        if not path.is_file() or path.stat().st_size > SMALL:
            return "None: its data is not a small file here."
        found = islice(run.predict_file(path), RECORDS)
        text = "\n".join(run.format_prediction(prediction) for prediction in found)
        return f"The first records of {path}\n{shortened(text, SAMPLE_LETTERS)}"
    except (UserError, OSError) as error:
        return f"None: {error}"


def written_by(run: ShownRun) -> str:
    """A short text or tune, always the same one."""
    categories = getattr(run, "categories", [])
    condition = {"condition": categories[0]} if categories else {}
    return run.generate(length=SAMPLE_TOKENS, temperature=0.8, seed=1, **condition)
