"""Whether cells differ by more than the seeds of one cell do."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from unroll.counting import listed

SURE = 2.0  # standard errors of the difference of two means, by which they have to differ


def describe_difference(found: Mapping[str, Sequence[float]], *, higher_is_better: bool) -> str:
    """One sentence on which cell is best, and which others are no worse as far as the seeds tell.

    Args:
        found: a number of each seed, by cell; at least two cells.
        higher_is_better: of these numbers.

    Examples:
        >>> from unroll.compare.difference import describe_difference
        >>> found = {"lstm": [0.9, 1.0], "gru": [0.8, 1.0], "rnn": [0.1, 0.2]}
        >>> describe_difference(found, higher_is_better=True)
        'lstm and gru do not differ by more than their seeds do. Behind: rnn.'
    """
    means = {cell: statistics.fmean(values) for cell, values in found.items()}
    best = (max if higher_is_better else min)(means, key=means.__getitem__)
    others = [cell for cell in means if cell != best]
    if min(map(len, found.values())) < 2:
        return "One seed cannot tell whether the cells differ by more than chance (--seeds 3)."
    alike = [cell for cell in others if not differ(found[best], found[cell])]
    if not alike:
        return f"{best} is better than {listed(others)} by more than its seeds differ."
    behind = [cell for cell in others if cell not in alike]
    sentence = f"{best} and {listed(alike)} do not differ by more than their seeds do."
    return sentence + (f" Behind: {listed(behind)}." if behind else "")


def differ(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether the means of two samples differ by more than two standard errors of their difference."""
    error = (statistics.variance(one) / len(one) + statistics.variance(other) / len(other)) ** 0.5
    return abs(statistics.fmean(one) - statistics.fmean(other)) > max(SURE * error, 1e-12)
