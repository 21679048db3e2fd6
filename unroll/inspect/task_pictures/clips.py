"""Clips as strips of their frames, with the probabilities of the classes over time.

T frames, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.inspect.drawing import Drawing, Pixels, TextMark
from unroll.inspect.finding import Picture, Row, round_digits
from unroll.inspect.task_pictures.finding import TaskFinding
from unroll.inspect.task_pictures.plane import (
    LEFT,
    RIGHT,
    WIDTH,
    Plane,
    shorten,
    value_range,
)
from unroll.inspect.task_pictures.stacked import stacked
from unroll.tasks.pictures import ClipStrip, ClipStrips

CURVES = 4  # classes whose probability is drawn
COLUMNS = 3  # numbers of a step that are drawn
FRAME = 52.0  # height of a frame, at most


@dataclass(frozen=True)
class ClipResults(TaskFinding):
    """Clips with the probabilities over their frames.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
        strips: the clips.
    """

    strips: ClipStrips

    def sentences(self) -> list[str]:
        """What is shown, and how many of the clips are wrong."""
        shown = len(self.strips.clips)
        wrong = sum(list(each.actual) != list(each.predicted) for each in self.strips.clips)
        over = (
            "the probability of each class at every frame"
            if self.strips.per_frame
            else "what the run says when it has seen only the first frames"
        )
        return [
            f"{counted(shown, 'clip')} of {self.strips.of:,}, {wrong:,} of them with a mistake: {over}."
        ]

    def table(self) -> list[list[str]]:
        """One row for each clip: its labels, and the probability of the prediction."""
        rows = [["clip", "actual", "predicted", "probability at the end"]]
        for each in self.strips.clips:
            rows.append(
                [
                    each.name,
                    runs_of(each.actual),
                    runs_of(each.predicted),
                    f"{each.probabilities[-1].max():.0%}",
                ]
            )
        return rows

    def as_dict(self) -> dict[str, Any]:
        """The probabilities, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "classes": list(self.strips.classes),
            "clips": [
                {
                    "clip": each.name,
                    "actual": list(each.actual),
                    "predicted": list(each.predicted),
                    "frames": list(each.at),
                    "probabilities": [
                        [round_digits(float(p)) for p in row] for row in each.probabilities
                    ],
                }
                for each in self.strips.clips
            ],
        }

    def pictures(self) -> dict[str, Picture]:
        """`clip` for each clip: its frames above the probabilities."""
        pictures = {}
        for n, each in enumerate(self.strips.clips):
            rows: list[Row] = [["frame", *self.strips.classes]]
            rows += [[t, *p] for t, p in zip(each.at, each.probabilities.tolist(), strict=True)]
            name = "clip" if not n else f"clip {n + 1}"
            pictures[name] = Picture(lambda each=each: self._draw(each), rows)  # type: ignore[misc]
        return pictures

    def _draw(self, each: ClipStrip) -> Drawing:
        classes = list(self.strips.classes)
        own = [classes.index(name) for name in dict.fromkeys([*each.predicted, *each.actual])]
        by_size = np.argsort(-each.probabilities.mean(0))
        shown = list(dict.fromkeys([*own, *map(int, by_size)]))[:CURVES]
        ends = (1.0, float(max(each.at[-1], 2)))
        plane = Plane("", ends, (0.0, 1.0), "frames read", percent=True)
        for n, k in enumerate(shown):
            points = list(zip(map(float, each.at), each.probabilities[:, k].tolist(), strict=True))
            if len(points) == 1:  # a curve needs two ends
                points = [points[0], (ends[1], points[0][1])]
            plane.curve(points, n, shorten(classes[k], 24), n)
        lower = plane.drawing()
        title = (
            f"{each.name}: {runs_of(each.actual)}"
            if list(each.actual) == list(each.predicted)
            else f"{each.name}: {runs_of(each.actual)}, taken for {runs_of(each.predicted)}"
        )
        upper = frame_strip(each) if each.places else number_strip(each)
        return stacked(title, [upper, lower])


def frame_strip(each: ClipStrip) -> Drawing:
    """The frames of a clip side by side, their numbers below."""
    N, H, W, _ = each.frames.shape
    wide = min((WIDTH - LEFT - RIGHT) / N - 3, FRAME * W / H)
    high = wide * H / W
    drawing = Drawing(WIDTH, round(high) + 24, each.name)
    step = (WIDTH - LEFT - RIGHT) / N
    for k, (place, frame) in enumerate(zip(each.places, each.frames, strict=True)):
        x = LEFT + k * step
        drawing.marks.append(Pixels(x, 2, wide, high, frame))
        drawing.marks.append(TextMark(x + wide / 2, high + 16, f"{place}", "mid"))
    return drawing


def number_strip(each: ClipStrip) -> Drawing:
    """The numbers of a clip over time: the columns that change most."""
    values = each.frames.astype(float)
    chosen = np.argsort(-values.std(0), kind="stable")[:COLUMNS]
    shown = values[:, chosen]
    plane = Plane("", (1.0, float(max(len(values), 2))), value_range(shown.ravel().tolist()))
    for n, k in enumerate(chosen):
        points = [(float(t), float(v)) for t, v in enumerate(values[:, k], 1)]
        plane.curve(points, 4 + n, f"number {k + 1}, scaled")
    return plane.drawing()


def runs_of(labels: Any) -> str:
    """Labels of frames in short: `low x4, high x8`; one label is itself."""
    parts: list[tuple[str, int]] = []
    for label in labels:
        if parts and parts[-1][0] == label:
            parts[-1] = (label, parts[-1][1] + 1)
        else:
            parts.append((label, 1))
    if len(parts) == 1:
        return parts[0][0]
    words = [f"{label} x{n}" for label, n in parts[:4]]
    return ", ".join(words) + (", ..." if len(parts) > 4 else "")


def clip_results(strips: ClipStrips, title: str, conditions: dict[str, Any]) -> ClipResults:
    """The finding on clips.

    Args:
        strips: of the validation set.
        title: what is shown.
        conditions: the run and its data.
    """
    return ClipResults(title, conditions, strips)
