"""Where the words of a picture stand: its heading in lines, and its legend in rows below that.

Widths are estimated, since a picture is drawn without a browser.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from unroll.terminal import shortened

LETTER = 7.2  # approximate width of a letter
LINE = 18  # height of a line of a heading
ROW = 20  # height of a row of a legend
SYMBOL = 32  # before the words of an entry: its line or dot, and a space
GAP = 16  # between entries


def heading_lines(text: str, width: float) -> list[str]:
    """A heading in lines that fit. width: of the picture."""
    return textwrap.wrap(text, max(8, int((width - 16) / LETTER))) or [""]


def legend_places(labels: Sequence[str], width: float) -> list[tuple[float, int, str]]:
    """Where the entries of a legend begin: side by side as far as they fit, then in the next row.

    Args:
        labels: of the entries; one that is wider than the picture is shortened.
        width: of the picture.

    Returns:
        For each label its distance from the left, its row, and the words that are shown.
    """
    places = []
    x, row = 8.0, 0
    for label in labels:
        words = shortened(label, max(4, int((width - SYMBOL - 16) / LETTER)))
        wide = SYMBOL + len(words) * LETTER
        if x > 8 and x + wide > width - 8:
            x, row = 8.0, row + 1
        places.append((x, row, words))
        x += wide + GAP
    return places


def legend_height(labels: Sequence[str], width: float) -> int:
    """The height of a legend; width: of the picture."""
    places = legend_places(labels, width)
    return ROW * (places[-1][1] + 1) if places else 0
