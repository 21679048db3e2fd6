"""Samples of text, the surprise of every token of a text, and loss by what was read before."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Picture, Row, format_number, round_digits
from unroll.inspect.task_pictures.finding import TaskFinding
from unroll.inspect.task_pictures.plane import Plane, value_range
from unroll.tasks.pictures import PredictedText

ROWS = (0, 1, 2, 5, 10, 20, 50, 100, 150, 199)  # places of the table
GROUP = 1.25  # a point of the curve is the mean of the places from p to 1.25 p
SURPRISING = 4.0  # nats at which a token has the full colour
LISTED = 10  # least expected tokens


@dataclass(frozen=True)
class PredictedTextResults(TaskFinding):
    """What a language model writes, and how it reads.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
        predicted: samples, surprise and loss.
    """

    predicted: PredictedText

    def smoothed(self, values: list[float]) -> list[tuple[float, float]]:
        """The mean loss of groups of places, each 1.25 times as far as the one before: (place, loss)."""
        points, at = [], 0
        while at < len(values):
            end = min(len(values), max(at + 1, math.ceil((at + 1) * GROUP) - 1))
            points.append(((at + end - 1) / 2, float(np.mean(values[at:end]))))
            at = end
        return points

    def sentences(self) -> list[str]:
        """How much what was read before helps, and which token was least expected."""
        loss = next(iter(self.predicted.loss.values()))
        points = self.smoothed(list(loss))
        first, last = points[0][1], points[-1][1]
        unit = self.predicted.unit
        lines = [
            f"A token costs {first:.2f} nats where nothing was read before, and {last:.2f} after about "
            f"{points[-1][0]:.0f} {unit} (mean of {counted(self.predicted.windows, 'text')})."
        ]
        if self.predicted.nats:
            k = int(np.argmax(self.predicted.nats))
            token = visible(self.predicted.tokens[k])
            lines.append(
                f"Least expected in the text below: {token} ({self.predicted.nats[k]:.1f} nats)."
            )
        return lines

    def table(self) -> list[list[str]]:
        """The loss by the number of tokens read before."""
        rows = [[f"{self.predicted.unit} read before", *self.predicted.loss]]
        longest = max(map(len, self.predicted.loss.values()))
        for place in [place for place in ROWS if place < longest]:
            rows.append(
                [
                    f"{place:,}",
                    *(format_number(each[place]) for each in self.predicted.loss.values()),
                ]
            )
        return rows

    def text(self) -> str:
        """The sentences, the table, and the samples line by line."""
        lines = [super().text()]
        for each in self.predicted.samples:
            given = f", after {each.prompt}" if each.prompt else ""
            lines += ["", f"Temperature {each.temperature:g}{given}:"]
            lines += [f"  {line}" for line in each.text.rstrip("\n").split("\n")]
        return "\n".join(lines)

    def examples_html(self) -> str:
        """The samples, and a text coloured by the surprise of its tokens."""
        samples = "".join(
            f"<figure><figcaption>Temperature {each.temperature:g}"
            f"{f', after {html.escape(each.prompt)}' if each.prompt else ''}</figcaption>"
            f'<p class="sample">{html.escape(each.text)}</p></figure>'
            for each in self.predicted.samples
        )
        between = " " if self.predicted.unit == "words" else ""
        spans = between.join(
            f'<span style="background:rgba(217,95,2,{min(1.0, nats / SURPRISING) * 0.6:.2f})" '
            f'title="{nats:.2f} nats">{html.escape(token)}</span>'
            for token, nats in zip(self.predicted.tokens, self.predicted.nats, strict=True)
        )
        return (
            f'<h3>What it writes</h3><div class="side samples">{samples}</div>'
            f'<h3>What surprises it</h3><p class="sample">{spans}</p>'
            '<p class="small">A text of the validation set; the darker the orange, the less the token '
            f"was expected (full at {SURPRISING:g} nats, -ln p).</p>"
        )

    def as_dict(self) -> dict[str, Any]:
        """Samples, surprise and loss, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "samples": [
                {"temperature": each.temperature, "prompt": each.prompt, "text": each.text}
                for each in self.predicted.samples
            ],
            "tokens": list(self.predicted.tokens),
            "nats": [round_digits(nats) for nats in self.predicted.nats],
            "loss_by_tokens_read_before": {
                name: [round_digits(nats) for nats in each]
                for name, each in self.predicted.loss.items()
            },
        }

    def pictures(self) -> dict[str, Picture]:
        """`loss` by what was read before, and `surprise` of each token of a text."""
        names = list(self.predicted.loss)
        rows: list[Row] = [["read before", *names]]
        rows += [
            [k, *values] for k, values in enumerate(zip(*self.predicted.loss.values(), strict=True))
        ]
        surprise: list[Row] = [["token", "nats"]]
        surprise += zip(self.predicted.tokens, self.predicted.nats, strict=True)
        return {
            "loss": Picture(self._draw_loss, rows),
            "surprise": Picture(self._draw_surprise, surprise),
        }

    def _draw_loss(self) -> Drawing:
        curves = {name: self.smoothed(list(each)) for name, each in self.predicted.loss.items()}
        last = max(x for points in curves.values() for x, _ in points)
        span = value_range([y for points in curves.values() for _, y in points])
        label = f"{self.predicted.unit} read before (logarithmic)"
        # place k is drawn at log(k + 1), so that the first is at the left edge
        marks = [k for k in (0, 1, 3, 10, 30, 100, 300) if k <= last]
        named = {math.log(k + 1): f"{k}" for k in marks}
        plane = Plane("Nats of a token", (0.0, math.log(last + 1) or 1.0), span, label, named)
        for n, (name, points) in enumerate(curves.items()):
            plane.curve([(math.log(x + 1), y) for x, y in points], n, name, n)
        return plane.drawing()

    def _draw_surprise(self) -> Drawing:
        nats = list(self.predicted.nats)
        most = value_range([0.0, *nats])[1]
        plane = Plane(
            "Nats of each token of a text", (0.0, float(max(1, len(nats)))), (0.0, most), "token"
        )
        for k, (token, value) in enumerate(zip(self.predicted.tokens, nats, strict=True)):
            corners = [(k, 0.0), (k, value), (k + 1, value), (k + 1, 0.0)]
            plane.area(corners, 1, opacity=0.6, pointed=f"{visible(token)} {value:.2f}")
        return plane.drawing()


def visible(token: str) -> str:
    """A token in quotes, its line ends as escapes."""
    return repr(token)


def predicted_text_results(
    predicted: PredictedText, title: str, conditions: dict[str, Any]
) -> PredictedTextResults:
    """The finding on what a language model writes and reads.

    Args:
        predicted: of the run.
        title: what is shown.
        conditions: the run and its data.
    """
    return PredictedTextResults(title, conditions, predicted)
