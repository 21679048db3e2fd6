"""A curve of gradient norms as straight pieces: a plateau and its end are two, not one slope.

On a logarithmic axis a constant factor per step is a straight line. A gradient that lasts and then
ends where the text no longer matters is no such line, and one slope through both says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MOST_POINTS = 160  # of a curve that is searched for borders
MOST_PIECES = 3
SHORTEST = 2  # points of a piece
FAR_OFF = math.log(1.5)  # a line that is nowhere further off than this factor is enough
BETTER = 0.3  # of the squared error is left at most where another piece is worth it
LEVEL = 0.02  # nats a step: less than a factor of 3 in 50 steps is level


@dataclass(frozen=True)
class Piece:
    """A part of a curve that is straight on a logarithmic axis.

    Attributes:
        first: steps back at which it begins.
        last: steps back at which it ends.
        rate: nats per step back; negative where the norm falls.
        mean: of the norms on it, geometric.
    """

    first: int
    last: int
    rate: float
    mean: float

    @property
    def steps(self) -> int:
        """How many steps back it goes."""
        return self.last - self.first

    @property
    def is_level(self) -> bool:
        """Whether the norm hardly changes on it."""
        return abs(self.rate) < LEVEL or abs(self.rate) * self.steps < math.log(2.0)


def straight_pieces(norms: Sequence[float]) -> list[Piece]:
    """The fewest straight pieces, one to three, that describe a curve to a factor of one and a half.

    A second or third piece is taken only where it leaves at most a third of the squared error of
    log norm, at the borders that leave least of it. The curve ends where it becomes zero or overflows.

    Args:
        norms: by steps back from the loss.

    Returns:
        The pieces in order; none where fewer than two norms are positive and finite.

    Examples:
        >>> from unroll.training.flow_pieces import straight_pieces
        >>> plateau = [0.2] * 18 + [1e-3, 2e-4, 5e-5, 1e-5]
        >>> [(piece.first, piece.last) for piece in straight_pieces(plateau)]
        [(0, 17), (18, 21)]
    """
    logs = []
    for norm in norms:
        if not (norm > 0 and math.isfinite(norm)):
            break
        logs.append(math.log(norm))
    if len(logs) < 2:
        return []
    at = np.unique(np.linspace(0, len(logs) - 1, min(len(logs), MOST_POINTS)).round().astype(int))
    y = np.array(logs)[at]
    errors = LineErrors(at.astype(float), y)
    borders, error = [0, len(at)], errors(0, len(at))
    for count in range(2, MOST_PIECES + 1):
        if largest_error(at, y, borders) <= FAR_OFF or len(at) < count * SHORTEST:
            break
        found, least = best_borders(errors, len(at), count)
        if least > BETTER * error or not all_differ(at, y, found):
            break
        borders, error = found, least
    return [
        Piece(int(at[a]), int(at[b - 1]), slope(at[a:b], y[a:b]), math.exp(y[a:b].mean()))
        for a, b in pairwise(borders)
    ]


class LineErrors:
    """The squared error of the best line through some neighbouring points, from running sums."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        x, y = x - x.mean(), y - y.mean()
        columns = (np.ones_like(x), x, y, x * x, x * y, y * y)
        self.sums = [np.concatenate([[0.0], np.cumsum(column)]) for column in columns]

    def __call__(self, a: int, b: int) -> float:
        """Of the points a to b - 1."""
        n, x, y, xx, xy, yy = (float(s[b] - s[a]) for s in self.sums)
        spread, joint, total = xx - x * x / n, xy - x * y / n, yy - y * y / n
        return max(0.0, total - joint * joint / spread) if spread > 0 else 0.0


def best_borders(errors: LineErrors, points: int, count: int) -> tuple[list[int], float]:
    """The borders of two or three pieces that leave the smallest squared error, and that error."""
    found, least = [0, points], math.inf
    for first in range(SHORTEST, points - (count - 1) * SHORTEST + 1):
        one = errors(0, first)
        if one >= least:
            continue
        if count == 2:
            rest = one + errors(first, points)
            if rest < least:
                found, least = [0, first, points], rest
            continue
        for second in range(first + SHORTEST, points - SHORTEST + 1):
            rest = one + errors(first, second) + errors(second, points)
            if rest < least:
                found, least = [0, first, second, points], rest
    return found, least


def largest_error(x: np.ndarray, y: np.ndarray, borders: Sequence[int]) -> float:
    """How far log norm is from its piece at most."""
    worst = 0.0
    for a, b in pairwise(borders):
        line = y[a:b].mean() + slope(x[a:b], y[a:b]) * (x[a:b] - x[a:b].mean())
        worst = max(worst, float(np.abs(y[a:b] - line).max()))
    return worst


def all_differ(x: np.ndarray, y: np.ndarray, borders: Sequence[int]) -> bool:
    """Whether neighbouring pieces have rates that differ by more than a quarter, or a step between them."""
    parts = list(pairwise(borders))
    rates = [slope(x[a:b], y[a:b]) for a, b in parts]
    for n, (one, other) in enumerate(pairwise(rates)):
        a, b = parts[n]
        reached = y[a:b].mean() + one * (x[b] - x[a:b].mean())
        begins = y[b : parts[n + 1][1]].mean() + other * (x[b] - x[b : parts[n + 1][1]].mean())
        alike = abs(one - other) <= 0.25 * max(abs(one), abs(other))
        if alike and abs(reached - begins) < math.log(2.0):
            return False
    return True


def slope(x: np.ndarray, y: np.ndarray) -> float:
    """Of the least-squares line."""
    centred = x - x.mean()
    return float(centred @ y / (centred @ centred))


def longest_piece(pieces: Sequence[Piece]) -> Piece | None:
    """The piece that goes over the most steps."""
    return max(pieces, key=lambda piece: piece.steps, default=None)
