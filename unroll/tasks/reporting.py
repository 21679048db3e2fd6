"""Sentences that several tasks print about their data and metrics."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from unroll.counting import counted

LOGGER = logging.getLogger("unroll")
LISTED = 10  # classes that are listed one by one
IMBALANCED = 4  # times as many records of the largest class as of the smallest


def describe_class_balance(counts: Sequence[int], classes: Sequence[str], records: int) -> str:
    """How often each class occurs, in a sentence without its full stop.

    Args:
        counts: how many records have each class, [K].
        classes: the labels, [K].
        records: how many records there are; each may have several classes.

    Examples:
        >>> from unroll.tasks.reporting import describe_class_balance
        >>> describe_class_balance([1, 3], ["ham", "spam"], 4)
        '2 classes: spam 3 (75%), ham 1 (25%)'
    """
    ranked = sorted(zip(counts, classes, strict=True), reverse=True)
    if len(ranked) <= LISTED:
        each = ", ".join(f"{name} {n:,} ({n / max(1, records):.0%})" for n, name in ranked)
        return f"{len(ranked)} classes: {each}"
    (most, first), (least, last) = ranked[0], ranked[-1]
    return f"{len(ranked)} classes, from {first} with {most:,} to {last} with {least:,}"


def is_imbalanced(counts: Sequence[int]) -> bool:
    """Whether the largest class has more than four times the records of the smallest."""
    return max(counts) > IMBALANCED * max(1, min(counts))


def skipped_sentence(count: int, what: str = "record") -> list[str]:
    """How many bad records were skipped, as a list of one sentence; of none where there are none."""
    return [f"Skipped {counted(count, f'bad {what}')}."] if count else []


def warn(sentence: str) -> None:
    """Log a warning to the logger `unroll`; the command line prints it to standard error."""
    LOGGER.warning(sentence)
