"""Recordings and lines of writing with what was read in them, and texts beside their references."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.inspect.drawing import Area, Dot, Drawing, Pixels, Point, Polyline, TextMark
from unroll.inspect.finding import Picture, Row
from unroll.inspect.heat_map import value_colours
from unroll.inspect.task_pictures.finding import TaskFinding, marked_differences, shown_of
from unroll.inspect.task_pictures.plane import LETTER, WIDTH, shorten, ticks
from unroll.tasks.pictures import RecognisedRecord, RecognisedRecords

DRAWN = 4  # records that are drawn
LISTED = 12  # texts beside their references
LEFT, RIGHT, TOP, HIGH = 12.0, 10.0, 44.0, 110.0
PEAKS = 46.0  # height of the probabilities of tokens below the picture


@dataclass(frozen=True)
class RecordingResults(TaskFinding):
    """What a recogniser reads in recordings or lines.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
        recognised: the records.
    """

    recognised: RecognisedRecords

    def listed(self) -> list[RecognisedRecord]:
        """The records whose texts stand beside their references: those with errors first."""
        return sorted(self.recognised.records, key=lambda one: one.output == one.reference)[:LISTED]

    def drawn(self) -> list[RecognisedRecord]:
        """The records that are drawn: wrong ones and right ones."""
        wrong = [one for one in self.recognised.records if one.output != one.reference]
        right = [one for one in self.recognised.records if one.output == one.reference]
        half = max(DRAWN // 2, DRAWN - len(right))
        return [*wrong[:half], *right][:DRAWN]

    def sentences(self) -> list[str]:
        """How many texts have no error, and what is shown."""
        records = self.recognised.records
        right = sum(one.output == one.reference for one in records)
        words, errors = word_errors(records)
        name = "recording" if self.recognised.kind == "audio" else "line"
        lines = [
            f"{right:,} of {counted(len(records), name)} are read without an error; {errors:,} of "
            f"{counted(words, 'word')} differ from the reference."
        ]
        lines.append(
            "Bars above the picture: when the words of the output are. Dots below: the token that the "
            "network finds most likely at a step, the higher the more probable; the rest is blank."
        )
        return lines

    def table(self) -> list[list[str]]:
        """The words of the records that are drawn, with their times."""
        rows = [["record", "word", "from", "to"]]
        for one in self.drawn():
            rows += [
                [one.name, word, f"{a:g}{one.unit}", f"{b:g}{one.unit}"] for word, a, b in one.words
            ]
        return rows

    def examples(self) -> list[list[str]]:
        """References and outputs."""
        rows = [[one.name, one.reference, one.output] for one in self.listed()]
        return [["record", "reference", "output"], *rows]

    def examples_html(self) -> str:
        """The same for a page, with what differs marked."""
        rows = []
        for one in self.listed():
            before, after = marked_differences(one.reference, one.output)
            name = html.escape(one.name)
            rows.append(f'<tr><th scope="row">{name}</th><td>{before}</td><td>{after}</td></tr>')
        heads = ("record", "reference", "output")
        head = "".join(f'<th scope="col">{name}</th>' for name in heads)
        return (
            '<div class="wide examples"><table><thead><tr>'
            f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )

    def as_dict(self) -> dict[str, Any]:
        """The texts, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "records": [
                {
                    "record": one.name,
                    "reference": one.reference,
                    "output": one.output,
                    "words": [{"word": w, "start": a, "end": b} for w, a, b in one.words],
                    "peaks": [{"at": a, "token": t, "probability": p} for a, t, p in one.peaks],
                }
                for one in self.recognised.records
            ],
        }

    def pictures(self) -> dict[str, Picture]:
        """`record` for each record that is drawn."""
        pictures = {}
        for n, one in enumerate(self.drawn()):
            rows: list[Row] = [["at", "token", "probability"], *one.peaks]
            name = "record" if not n else f"record {n + 1}"
            pictures[name] = Picture(lambda one=one: draw_record(one), rows)  # type: ignore[misc]
        return pictures


def word_errors(records: Any) -> tuple[int, int]:
    """How many words the references have, and how many of them are not in the outputs in order."""
    from difflib import SequenceMatcher

    words = same = 0
    for one in records:
        reference, output = one.reference.split(), one.output.split()
        words += len(reference)
        blocks = SequenceMatcher(None, reference, output, False).get_matching_blocks()
        same += sum(block.size for block in blocks)
    return words, words - same


def draw_record(one: RecognisedRecord) -> Drawing:
    """A record with the words above it and the most likely tokens below."""
    wide = WIDTH - LEFT - RIGHT
    verdict = "read right" if one.output == one.reference else f"read as: {one.output or 'nothing'}"
    drawing = Drawing(WIDTH, round(TOP + HIGH + PEAKS + 34), one.reference)
    marks = drawing.marks
    marks.append(TextMark(8, 15, shorten(f"{one.reference}  ({verdict})", 58)))

    def x(at: float) -> float:
        return LEFT + wide * min(1.0, at / (one.length or 1.0))

    end = 0.0
    for n, (word, start, stop) in enumerate(one.words):
        size = (max(x(stop) - x(start) - 1, 1.5), 14)
        pointed = f"{word}: {start:g} to {stop:g}{one.unit}"
        marks.append(Area.rectangle((x(start), TOP - 18), size, n % 2 * 2, 0.35, pointed))
        at = (x(start) + x(stop)) / 2
        if at - len(word) * LETTER / 2 > end:
            marks.append(TextMark(at, TOP - 7, word, "mid"))
            end = at + len(word) * LETTER / 2
    if one.strokes is not None:
        marks += pen_marks(one.strokes, wide)
    else:
        marks.append(Pixels(LEFT, TOP, wide, HIGH, feature_colours(one)))
    base = TOP + HIGH + PEAKS
    marks.append(Polyline([(LEFT, base), (LEFT + wide, base)], "grid"))
    last = -math.inf
    for at, token, p in one.peaks:
        y = base - p * (PEAKS - 16)
        marks.append(Polyline([(x(at), base), (x(at), y)], "level plain"))
        marks.append(Dot(x(at), y, 2.5, 1, f"{token!r} {p:.0%} at {at:g}{one.unit}"))
        name = token.replace(" ", "␣")
        if x(at) - len(name) * LETTER / 2 > last:
            marks.append(TextMark(x(at), y - 5, name, "mid"))
            last = x(at) + len(name) * LETTER / 2
    for value in ticks(0.0, one.length, 5):
        marks.append(
            TextMark(x(value), base + 16, f"{value:g}{one.unit}", "mid" if value else "start")
        )
    return drawing


def feature_colours(one: RecognisedRecord) -> np.ndarray:
    """The picture of a record, uint8 [F, T, 3]: low bands below, or the columns of a line."""
    values = np.asarray(one.features, dtype=float)
    low, high = np.quantile(values, 0.02), np.quantile(values, 0.995)
    share = ((values - low) / ((high - low) or 1.0)).clip(0, 1).T
    return value_colours(share[::-1] if one.unit == "s" else share, False)


def pen_marks(path: np.ndarray, wide: float) -> list[Polyline]:
    """The path of a pen, fitted into the picture."""
    known = path[~np.isnan(path).any(1)]
    low = known.min(0)
    across, down = np.maximum(known.max(0) - low, 1e-6)
    scale = min(wide / across, (HIGH - 12) / down)
    points: list[Point] = [
        None
        if math.isnan(px)
        else (LEFT + (px - low[0]) * wide / across, TOP + 6 + (py - low[1]) * scale)
        for px, py in path.tolist()
    ]
    return [Polyline(points, "curve c0")]


def recording_results(
    recognised: RecognisedRecords, title: str, conditions: dict[str, Any]
) -> RecordingResults:
    """The finding on recordings or lines.

    Args:
        recognised: of the validation set.
        title: what is shown.
        conditions: the run and its data.
    """
    own = shown_of(len(recognised.records), recognised.of, "records")
    return RecordingResults(title, {**conditions, **own}, recognised)
