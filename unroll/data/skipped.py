"""Bad records in a file of inputs: each is reported in the place of its prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from unroll.data.problems import Problems

T = TypeVar("T")


class SkippedRecord(str):
    """What is wrong with a skipped record; it takes the place of the record."""


class CollectedProblems(Problems):
    """Problems that keep every sentence, to be reported elsewhere."""

    def __init__(self, skip: bool = True) -> None:
        super().__init__(skip)
        self.sentences: list[str] = []

    def bad(self, sentence: str) -> None:
        super().bad(sentence)
        self.sentences.append(sentence)


def records_and_problems(
    read: Callable[[Problems], Iterable[T]], skip: bool
) -> Iterator[T | SkippedRecord]:
    """The records that `read` yields, with a `SkippedRecord` in the place of each bad one.

    Args:
        read: yields records, and notes bad ones in the `Problems` that it is called with.
        skip: whether bad records are skipped. False: the first one raises `UserError`.

    Examples:
        >>> from unroll.data.skipped import records_and_problems
        >>> def read(problems):
        ...     yield 1
        ...     problems.bad("line 2: no number.")
        ...     yield 3
        >>> list(records_and_problems(read, skip=True))
        [1, 'line 2: no number.', 3]
    """
    noted = CollectedProblems(skip)
    for one in read(noted):
        yield from map(SkippedRecord, noted.sentences)
        noted.sentences.clear()
        yield one
    yield from map(SkippedRecord, noted.sentences)
