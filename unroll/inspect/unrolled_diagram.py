"""A recurrent network as a loop, and the same network unrolled over time."""

from __future__ import annotations

from collections.abc import Sequence

from unroll.inspect.drawing import Box, Drawing, Polyline, TextMark, arrow

WIDE, HIGH, GAP, TOP, LETTER = 72.0, 40.0, 58.0, 84.0, 7.0
MOST = 8  # steps that are drawn


def draw_unrolled(
    cell: str, states: Sequence[str], inputs: Sequence[str], outputs: Sequence[str] = ()
) -> Drawing:
    """A loop on the left, an equals sign, and the same cell once for each step.

    The cell is the same at every step: the same weights. The states go from step to step, h0 is
    where they start.

    Args:
        cell: what is written in the box.
        states: the fields of the state.
        inputs: what is read at each step.
        outputs: what is put out at each step. Default: y1, y2, ...
    """
    shown = list(inputs[:MOST])
    dots = len(inputs) > MOST
    title = f"{cell}: the loop, and unrolled over {len(inputs)} steps"
    left, first = 24.0, 24.0 + WIDE + 132.0
    width = first + (len(shown) + dots) * (WIDE + GAP) + 12
    drawing = Drawing(round(max(width, len(title) * LETTER + 20)), 190, title)
    marks = drawing.marks
    marks.append(TextMark(8, 18, title))
    name, carried = cell[:9], ", ".join(states)
    draw_cell(drawing, left, name, "x", "y")
    right, middle = left + WIDE, TOP + HIGH / 2
    loop = [(right, middle), (right + 24, middle), (right + 24, TOP - 20), (left - 14, TOP - 20)]
    loop += [(left - 14, middle), (left, middle)]
    marks += [Polyline(loop, "curve c1"), *arrow(loop[-2], loop[-1], "curve c1")]
    marks.append(TextMark(right + 4, TOP - 26, carried))
    marks.append(TextMark(right + 52, middle + 5, "=", "mid"))
    start = (first - GAP, middle)
    marks += [
        Polyline([start, (first, middle)], "curve c1"),
        *arrow(start, (first, middle), "curve c1"),
    ]
    marks.append(TextMark(first - GAP / 2, middle - 7, ", ".join(f"{s}0" for s in states), "mid"))
    for t, symbol in enumerate(shown, 1):
        x = first + (t - 1) * (WIDE + GAP)
        draw_cell(drawing, x, name, symbol, outputs[t - 1] if outputs else f"y{t}")
        ends = (x + WIDE, middle), (x + WIDE + GAP, middle)
        marks += [Polyline(ends, "curve c1"), *arrow(*ends, "curve c1")]
        over = ", ".join(f"{s}{t}" for s in states)
        marks.append(TextMark((ends[0][0] + ends[1][0]) / 2, middle - 7, over, "mid"))
    if dots:
        marks.append(
            TextMark(first + len(shown) * (WIDE + GAP) + 12, middle + 5, f"… {len(inputs)}")
        )
    return drawing


def draw_cell(drawing: Drawing, x: float, name: str, below: str, above: str) -> None:
    """A box with what it reads below it and what it puts out above it. x: of its left edge."""
    middle, kind = x + WIDE / 2, "level plain"
    drawing.marks.append(Box(x, TOP, WIDE, HIGH, "operation"))
    drawing.marks.append(TextMark(middle, TOP + HIGH / 2 + 4, name, "mid"))
    lines = (
        ((middle, TOP + HIGH + 40), (middle, TOP + HIGH)),
        ((middle, TOP), (middle, TOP - 34)),
    )
    for line in lines:
        drawing.marks += [Polyline(line, kind), *arrow(*line, kind)]
    drawing.marks.append(TextMark(middle, TOP + HIGH + 56, below, "mid"))
    drawing.marks.append(TextMark(middle, TOP - 40, above, "mid"))
