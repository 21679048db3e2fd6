"""Tunes as piano rolls: time to the right, pitch upwards, a box for each note."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from unroll.inspect.drawing import Area, Drawing, Polyline, TextMark
from unroll.inspect.finding import Picture, Row
from unroll.inspect.task_pictures.finding import TaskFinding
from unroll.inspect.task_pictures.plane import WIDTH, shorten
from unroll.tasks.pictures import NoteRoll, NoteRolls

BARS = 4  # in a row
SEMITONE, LEFT, TOP, BETWEEN = 5.0, 34.0, 30.0, 16.0
RIGHT = 8.0
BLACK = (1, 3, 6, 8, 10)  # keys, from C
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MOST_ROWS = 4


@dataclass(frozen=True)
class RollResults(TaskFinding):
    """A tune of the data beside one that the run writes.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
        rolls: the tunes.
    """

    rolls: NoteRolls

    def sentences(self) -> list[str]:
        """What stands beside what."""
        given = f" after {self.rolls.prompt}" if self.rolls.prompt else ""
        return [
            "A tune of the validation set, and one that the run writes"
            f"{given} (temperature {self.rolls.temperature:g}, seed {self.rolls.seed})."
        ]

    def table(self) -> list[list[str]]:
        """How many notes each tune has, how long they are and how far apart."""
        rows = [["tune", "notes", "lowest", "highest", "mean length", "mean step"]]
        for roll in self.rolls.rolls:
            if not roll.notes:
                rows.append([roll.title, "0", "-", "-", "-", "-"])
                continue
            pitches = [pitch for *_, pitch in roll.notes]
            steps = [abs(b - a) for a, b in pairwise(pitches)] or [0]
            length = sum(length for _, length, _ in roll.notes) / len(roll.notes)
            rows.append(
                [
                    roll.title, f"{len(roll.notes):,}", pitch_name(min(pitches)),
                    pitch_name(max(pitches)), f"{length:.2f} quarters",
                    f"{sum(steps) / len(steps):.1f} semitones",
                ]
            )  # fmt: skip
        return rows

    def as_dict(self) -> dict[str, Any]:
        """The notes, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "prompt": self.rolls.prompt,
            "temperature": self.rolls.temperature,
            "seed": self.rolls.seed,
            "tunes": [
                {
                    "title": roll.title,
                    "notes": [{"start": s, "length": n, "pitch": p} for s, n, p in roll.notes],
                }
                for roll in self.rolls.rolls
            ],
        }

    def pictures(self) -> dict[str, Picture]:
        """`tune` of the data and `sample` of the run."""
        names = ("tune", "sample")
        return {
            name: roll_picture(roll, n)
            for n, (name, roll) in enumerate(zip(names, self.rolls.rolls, strict=False))
        }


def roll_picture(roll: NoteRoll, colour: int) -> Picture:
    """One tune as a picture."""
    rows: list[Row] = [["start", "length", "pitch"], *roll.notes]
    return Picture(lambda: draw_roll(roll, colour), rows)


def draw_roll(roll: NoteRoll, colour: int) -> Drawing:
    """A piano roll, four bars in a row.

    Args:
        roll: the tune.
        colour: of its notes.
    """
    pitches = [pitch for *_, pitch in roll.notes] or [60, 72]
    low, high = min(pitches) - 1, max(pitches) + 1
    tall, span = (high - low + 1) * SEMITONE, BARS * roll.bar
    end = max((start + length for start, length, _ in roll.notes), default=span)
    rows = max(1, min(MOST_ROWS, math.ceil(end / span - 1e-9)))
    drawing = Drawing(WIDTH, round(TOP + rows * (tall + BETWEEN)), roll.title)
    marks = drawing.marks
    marks.append(TextMark(8, 18, shorten(roll.title, 54)))
    wide = WIDTH - LEFT - RIGHT
    for row in range(rows):
        top = TOP + row * (tall + BETWEEN)
        for pitch in range(low, high + 1):
            y = top + (high - pitch) * SEMITONE
            if pitch % 12 in BLACK:
                marks.append(Area.rectangle((LEFT, y), (wide, SEMITONE), 6, 0.12))
            if pitch % 12 == 0:
                marks.append(TextMark(LEFT - 6, y + SEMITONE + 3, pitch_name(pitch), "end"))
        for k in range(BARS + 1):
            x = LEFT + wide * k / BARS
            marks.append(Polyline([(x, top), (x, top + tall)], "grid"))
        for start, length, pitch in roll.notes:
            begin, stop = max(start - row * span, 0.0), min(start + length - row * span, span)
            if stop <= begin:
                continue
            corner = (LEFT + wide * begin / span, top + (high - pitch) * SEMITONE + 0.5)
            size = (max(wide * (stop - begin) / span - 1, 1.0), SEMITONE - 1)
            pointed = f"{pitch_name(pitch)} at {start:g}, {length:g} quarters"
            marks.append(Area.rectangle(corner, size, colour, 0.9, pointed))
    return drawing


def pitch_name(pitch: int) -> str:
    """A pitch as people write it: 60 is C4."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def roll_results(rolls: NoteRolls, title: str, conditions: dict[str, Any]) -> RollResults:
    """The finding on tunes.

    Args:
        rolls: of the run.
        title: what is shown.
        conditions: the run and its data.
    """
    return RollResults(title, conditions, rolls)
