"""Read pen strokes: a table of the positions of a pen, as frames of equal length."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unroll.counting import listed
from unroll.data.files.regular_files import CannotOpen, check_regular
from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.data.series import number
from unroll.errors import UserError

NAMES = {
    "x": ("x",),
    "y": ("y",),
    "pen": ("pen", "up", "pen_up", "penup"),
    "stroke": ("stroke", "stroke_id"),
}
STEP = 0.05  # of the height of the writing
MOST_FRAMES = 20_000
MOST_BYTES = 1 << 26  # of a table: a line of writing has some thousand positions


class BadStrokes(UserError):
    """A table of strokes that cannot be read; its sentence names file and line."""


def read_strokes(path: Path, step: float = STEP, name: str | None = None) -> Tensor:
    """The path of a pen in steps of equal length.

    When to use it: for writing from a tablet or a mouse. Lengths are shares of the height of the
    writing, so that neither size nor speed matters; a stroke is resampled to steps of equal length,
    and a move with the pen up is one step.

    Args:
        path: a .csv, .tsv or .txt (commas, tabs or spaces) with x, y and optionally pen (1: up, the
            move to this position leaves no ink; 0: down), in this order, or in any order with a
            header. A column stroke that numbers the strokes may replace pen. Other columns, such
            as times, are ignored.
        step: length of a step, as a share of the height.
        name: the file's name in errors. Default: `path`.

    Returns:
        float32 [T, 3]: dx, dy, and whether the pen is up (1) or down (0).

    Raises:
        BadStrokes: where the file is no such table, is empty, or has more than 20,000 frames.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.tasks.transcribe.strokes import read_strokes
        >>> _ = Path("l.csv").write_text("x,y,pen\\n0,0,1\\n0,10,0\\n5,10,0\\n")
        >>> read_strokes(Path("l.csv"), step=0.5)
        tensor([[0.0000, 0.5000, 0.0000],
                [0.0000, 0.5000, 0.0000],
                [0.5000, 0.0000, 0.0000]])
    """
    name = name or str(path)
    places, up = read_places(path, name)
    extent = np.ptp(places, axis=0)
    height = float(extent[1] or extent[0] or 1.0)
    moves = np.diff(places, axis=0) / height
    lengths = np.hypot(moves[:, 0], moves[:, 1])
    if lengths[~up[1:]].sum() / step + up.sum() > MOST_FRAMES:
        raise BadStrokes(
            f"{name} gives more than {MOST_FRAMES:,} frames; expected a line of writing. "
            "Split it into lines."
        )
    frames: list[tuple[float, float, float]] = []
    for stroke, is_up in split_at_lifts(places / height, up):
        if is_up:
            frames.append((*(stroke[-1] - stroke[0]), 1.0))
        else:
            frames.extend((dx, dy, 0.0) for dx, dy in np.diff(resample(stroke, step), axis=0))
    return torch.tensor(frames or [(0.0, 0.0, 0.0)], dtype=torch.float32)


def split_at_lifts(places: np.ndarray, up: np.ndarray) -> list[tuple[np.ndarray, bool]]:
    """Parts of the path [K, 2] between lifts of the pen, and whether the pen is up in each.

    A part begins where the last part ended.
    """
    parts, start = [], 0
    for k in range(1, len(places)):
        if k + 1 == len(places) or up[k + 1] != up[k]:
            parts.append((places[start : k + 1], bool(up[k])))
            start = k
    return parts


def resample(stroke: np.ndarray, step: float) -> np.ndarray:
    """Points [K, 2] along a stroke at equal distances of at most `step`, both ends among them."""
    lengths = np.hypot(*np.diff(stroke, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    count = max(1, math.ceil(along[-1] / step - 1e-9))
    at = np.linspace(0, along[-1], count + 1)
    return np.stack([np.interp(at, along, stroke[:, k]) for k in range(2)], 1)


def read_places(path: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions [N, 2], and whether the pen is up on the way to each, bool [N].

    Raises:
        BadStrokes: where the file is missing, is no such table, or has no position.
    """
    try:
        check_regular(path, name, "a table of pen positions, x and y", most=MOST_BYTES)
    except CannotOpen as error:
        raise BadStrokes(str(error)) from error
    problems = Problems(may_skip=False)
    columns: dict[str, int] = {}
    places: list[tuple[float, float]] = []
    up: list[bool] = []
    stroke: float | None = None
    try:
        for row in open_table(path, name, any_text=True).rows(problems):
            cells = [str(cell).strip() for cell in row.cells]
            if len(cells) == 1:  # a .txt may have tabs or spaces instead of commas
                cells = cells[0].split()
            if not columns:
                columns, header = columns_of(cells, name)
                if header:
                    continue
            x, y = (required_number(cells, columns[key], key, name, row.line) for key in ("x", "y"))
            lifted = False
            if "pen" in columns:
                pen = required_number(cells, columns["pen"], "pen", name, row.line)
                if pen not in (0, 1):
                    raise BadStrokes(
                        f"{name}, line {row.line}: pen is {cells[columns['pen']]}; expected 1, up, "
                        "or 0, down."
                    )
                lifted = bool(pen)
            elif "stroke" in columns:
                now = required_number(cells, columns["stroke"], "stroke", name, row.line)
                lifted, stroke = stroke is not None and now != stroke, now
            places.append((x, y))
            up.append(lifted)
    except BadStrokes:
        raise
    except UserError as error:
        raise BadStrokes(str(error)) from error
    if not places:
        raise BadStrokes(f"{name} has no pen position; expected rows of x and y.")
    return np.array(places), np.array(up)


def columns_of(cells: list[str], name: str) -> tuple[dict[str, int], bool]:
    """The place of each column, and whether this first row is a header.

    Raises:
        BadStrokes: where the row is neither numbers nor a header with x and y.
    """
    if all(number(cell) is not None for cell in cells) and len(cells) > 1:
        return dict(zip(("x", "y", "pen"), range(len(cells)), strict=False)), False
    lower = [cell.lower() for cell in cells]
    found = {
        key: next(lower.index(word) for word in words if word in lower)
        for key, words in NAMES.items()
        if any(word in lower for word in words)
    }
    if "x" not in found or "y" not in found:
        raise BadStrokes(
            f"{name}, line 1: {listed(cells)}; expected numbers, or a header with x and y and "
            "optionally pen or stroke."
        )
    return found, True


def required_number(cells: list[str], place: int, key: str, name: str, line: int) -> float:
    """The number in a column.

    Raises:
        BadStrokes: where the cell is missing, or is not a number.
    """
    cell = cells[place] if place < len(cells) else ""
    value = number(cell)
    if value is None:
        raise BadStrokes(
            f"{name}, line {line}: {key} is {cell[:40]!r}; expected a number of at most 1e30."
        )
    return value
