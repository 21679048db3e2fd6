"""A score as a piano roll (SVG): time to the right, pitch upwards, one box per note."""

from __future__ import annotations

from fractions import Fraction
from html import escape

from unroll.tasks.music.score import Score

BARS_PER_ROW, WIDTH, LEFT, RIGHT, TOP = 8, 1000, 48, 12, 34
SEMITONE, BETWEEN = 6, 22  # heights, in pixels
BLACK = (1, 3, 6, 8, 10)  # keys, from C
STYLE = (
    "text{font:11px sans-serif;fill:#444}.title{font-size:15px;fill:#111}.dark{fill:#f0f0f0}"
    ".bar{stroke:#999}.octave{stroke:#ccc}.note{fill:#1769aa}"
)


def piano_roll(score: Score) -> str:
    """The text of an SVG file with eight bars per row.

    Examples:
        >>> from fractions import Fraction
        >>> from unroll.tasks.music.score import Note, Score
        >>> from unroll.tasks.music.piano_roll import piano_roll
        >>> piano_roll(Score("", (Note(Fraction(0), Fraction(1), 69),)))[:4]
        '<svg'
    """
    pitches = [note.pitch for note in score.notes] or [60]
    low, high = min(pitches) - 2, max(pitches) + 2
    tall = (high - low + 1) * SEMITONE
    bar = score.bar
    lead = (bar - score.pickup) % bar  # so that bar lines are where bars begin
    span = BARS_PER_ROW * bar
    rows = max(1, -(-(score.length + lead) // span))
    height = TOP + rows * (tall + BETWEEN)

    def x(at: Fraction) -> float:
        return LEFT + float(at / span) * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}"><style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        f'<text class="title" x="{LEFT}" y="22">{escape(score.title)}</text>'
    ]
    for row in range(rows):
        parts.append(f'<g transform="translate(0 {TOP + row * (tall + BETWEEN)})">')
        for pitch in range(low, high + 1):
            y = (high - pitch) * SEMITONE
            if pitch % 12 in BLACK:
                parts.append(
                    f'<rect class="dark" x="{LEFT}" y="{y}" width="{WIDTH - LEFT - RIGHT}" '
                    f'height="{SEMITONE}"/>'
                )
            if pitch % 12 == 0:
                parts.append(
                    f'<line class="octave" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y + SEMITONE}" '
                    f'y2="{y + SEMITONE}"/><text x="{LEFT - 6}" y="{y + SEMITONE}" '
                    f'text-anchor="end">C{pitch // 12 - 1}</text>'
                )
        for k in range(BARS_PER_ROW + 1):
            parts.append(
                f'<line class="bar" x1="{x(k * bar):.1f}" x2="{x(k * bar):.1f}" y1="0" y2="{tall}"/>'
            )
        for start, length, pitch in score.notes:
            begin = max(start + lead - row * span, Fraction(0))
            end = min(start + lead + length - row * span, span)
            if end > begin:
                wide = max(x(end) - x(begin) - 1, 1.0)
                parts.append(
                    f'<rect class="note" x="{x(begin):.1f}" y="{(high - pitch) * SEMITONE}" '
                    f'width="{wide:.1f}" height="{SEMITONE - 1}" rx="1"/>'
                )
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"
