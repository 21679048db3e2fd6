"""Bad records in a file of inputs: each is reported in the place of its prediction."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from unroll.data.problems import Problems
from unroll.errors import UserError

T = TypeVar("T")
R = TypeVar("R")


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


def checked(
    inputs: Iterable[object], check: Callable[[object], T], skip: bool
) -> Iterator[T | SkippedRecord]:
    """Each input as `check` returns it, with a `SkippedRecord` in the place of each bad one.

    Args:
        inputs: of any kind; a `SkippedRecord` stays as it is.
        check: raises `UserError` for a bad input.
        skip: whether bad inputs are skipped. False: the first one raises.

    Examples:
        >>> from unroll.data.skipped import checked
        >>> from unroll.errors import UserError
        >>> def check(text):
        ...     if not isinstance(text, str):
        ...         raise UserError(f"Got {text}; expected a text.")
        ...     return text.upper()
        >>> list(checked(["a", 3, "b"], check, skip=True))
        ['A', 'Got 3; expected a text.', 'B']
    """
    for each in inputs:
        if isinstance(each, SkippedRecord):
            yield each
            continue
        try:
            found = check(each)
        except UserError as error:
            if not skip:
                raise
            yield SkippedRecord(str(error))
            continue
        yield found


def predicted_in_place(
    inputs: Iterable[T | SkippedRecord], predict: Callable[[Iterator[T]], Iterable[R]]
) -> Iterator[R | SkippedRecord]:
    """The prediction for each input, and each `SkippedRecord` in its place.

    Args:
        inputs: good ones, and skipped ones among them.
        predict: a prediction for each good input, in order; it may read ahead.

    Examples:
        >>> from unroll.data.skipped import SkippedRecord, predicted_in_place
        >>> inputs = [1, SkippedRecord("bad"), 2]
        >>> list(predicted_in_place(inputs, lambda good: (10 * each for each in good)))
        [10, 'bad', 20]
    """
    waiting: deque[SkippedRecord | None] = deque()

    def good() -> Iterator[T]:
        for each in inputs:
            if isinstance(each, SkippedRecord):
                waiting.append(each)
            else:
                waiting.append(None)
                yield each

    for prediction in predict(good()):
        while (skipped := waiting.popleft()) is not None:
            yield skipped
        yield prediction
    yield from (each for each in waiting if each is not None)
