"""Kinds of exercises: a number, a choice, a word, and a function that a learner writes."""

from __future__ import annotations

import contextlib
import copy
import signal
import sys
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unroll.errors import UserError
from unroll.terminal import printable, shortened

MOST_BYTES = 2**20  # of a learner's file
SECONDS = 10.0  # that a learner's function may take


@dataclass(frozen=True)
class Verdict:
    """Whether one answer is right.

    Attributes:
        right: whether it is.
        remark: what is wrong, where more can be said than that; else empty.
        judged: whether the answer could be read; where not, the remark says why.
    """

    right: bool
    remark: str = ""
    judged: bool = True


class Exercise(ABC):
    """One question whose right answer is computed."""

    @abstractmethod
    def judge(self, answer: Any) -> Verdict:
        """Whether an answer is right.

        Args:
            answer: text from a terminal, or a value from Python.

        Raises:
            UserError: for an answer of the wrong kind.
        """

    @property
    @abstractmethod
    def solution(self) -> Any:
        """A right answer, for Python."""

    @property
    @abstractmethod
    def expects(self) -> str:
        """What an answer is, in words."""


class Number(Exercise):
    """A number.

    Args:
        value: the right one.
        within: how far an answer may be from it. Default: a hundredth of it.
    """

    def __init__(self, value: float, within: float | None = None) -> None:
        self.value = float(value)
        self.within = abs(self.value) / 100 if within is None else within

    expects = "a number"

    @property
    def solution(self) -> float:
        return self.value

    def judge(self, answer: Any) -> Verdict:
        number = self.read(answer)
        if self.near(number / 100) and 0 < self.value < 1:
            return Verdict(False, f"If that is a percentage, write {number:g} %.")
        return Verdict(self.near(number))

    def near(self, number: float) -> bool:
        """Whether a number is close enough."""
        return abs(number - self.value) <= self.within + 1e-12

    def read(self, answer: Any) -> float:
        """The answer as a number; `73 %` is 0.73, and `3/4` is 0.75.

        Raises:
            UserError: where it is none.
        """
        try:
            text = answer.strip() if isinstance(answer, str) else answer
            if isinstance(text, str) and text.endswith("%"):
                return float(text[:-1]) / 100
            if isinstance(text, str) and "/" in text:
                return float(Fraction(text.replace(" ", "")))
            return float(text)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise wrong_kind(answer, "a number, as 0.73 or 1500") from error


class OneOf(Exercise):
    """One of several sentences; which are true is computed.

    Args:
        truths: by the letter of each sentence, whether it is true. Exactly one is.
    """

    def __init__(self, **truths: bool) -> None:
        right = [letter for letter, true in truths.items() if true]
        if len(right) != 1:
            raise RuntimeError(f"one of {list(truths)} is to be true; true are {right}")
        self.truths: Mapping[str, bool] = truths
        self.letter = right[0]

    @property
    def expects(self) -> str:
        return f"one of the letters {', '.join(self.truths)}"

    @property
    def solution(self) -> str:
        return self.letter

    def judge(self, answer: Any) -> Verdict:
        letter = str(answer).strip().rstrip(".)").casefold()
        if letter not in self.truths:
            raise wrong_kind(answer, self.expects)
        return Verdict(letter == self.letter)


class Word(Exercise):
    """A word or a letter.

    Args:
        right: the right one; upper and lower case count as the same.
    """

    def __init__(self, right: str) -> None:
        self.right = right

    expects = "a word"

    @property
    def solution(self) -> str:
        return self.right

    def judge(self, answer: Any) -> Verdict:
        given = str(answer).strip().strip("'\"").casefold()
        return Verdict(given == self.right.casefold())


@dataclass(frozen=True)
class Code(Exercise):
    """A function that the learner writes; its results are compared with ours.

    Attributes:
        name: of the function.
        ours: gives the right results.
        cases: the arguments of each call: numbers, lists, arrays of numpy.
        within: the largest difference of a number.
    """

    name: str
    ours: Callable[..., Any]
    cases: Sequence[tuple[Any, ...]]
    within: float = 1e-6

    @property
    def expects(self) -> str:
        return f"a file of Python with the function {self.name}"

    @property
    def solution(self) -> Callable[..., Any]:
        return self.ours

    def judge(self, answer: Any) -> Verdict:
        """Call the learner's function; an answer is a function, or the file that it is in.

        What the function prints goes to standard error, so that JSON stays JSON.
        """
        with contextlib.redirect_stdout(sys.stderr), ends_within(SECONDS):
            return self.judge_function(answer)

    def judge_function(self, answer: Any) -> Verdict:
        """The verdict on a function or file; see `judge`."""
        try:
            function = answer if callable(answer) else self.read(str(answer).strip())
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            return Verdict(False, f"The file stops with {described(error)}", judged=False)
        for case in self.cases:
            expected = self.ours(*copy.deepcopy(case))
            try:
                found = function(*copy.deepcopy(case))
                same = equal(found, expected, self.within)
            except (Exception, SystemExit) as error:
                return Verdict(False, f"{self.name} stops with {described(error)}")
            if not same:
                call = f"{self.name}({', '.join(map(brief, case))})"
                return Verdict(False, f"{call} gives {brief(found)}; ours gives {brief(expected)}.")
        return Verdict(True)

    def read(self, file: str) -> Callable[..., Any]:
        """The function in a file, which is executed.

        Raises:
            UserError: for a file that cannot be read or does not have the function.
        """
        path = Path(file)
        try:
            if not path.exists():
                name = shortened(printable(file), 60)
                raise UserError(f"There is no file {name}; expected {self.expects}.")
            if not path.is_file() or path.stat().st_size > MOST_BYTES:
                raise wrong_kind(file, self.expects)
            source = path.read_text(encoding="utf-8")
        except UserError:
            raise
        except (OSError, ValueError) as error:
            raise wrong_kind(file, self.expects) from error
        names: dict[str, Any] = {"__name__": "answer", "__file__": str(path)}
        exec(compile(source, str(path), "exec"), names)
        function = names.get(self.name)
        if not callable(function):
            raise UserError(
                f"{shortened(printable(file), 80)} has no function {self.name}; expected "
                f"`def {self.name}(...)`."
            )
        found: Callable[..., Any] = function
        return found


@contextlib.contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in what does not end, where signals can interrupt it: in the main thread.

    Args:
        seconds: of wall time that the block may take.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise TimeoutError(f"no end after {seconds:g} seconds; is there an endless loop?")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def wrong_kind(answer: Any, expected: str) -> UserError:
    """The error for an answer of the wrong kind."""
    return UserError(f"Got {shortened(printable(str(answer)), 60)!r}; expected {expected}.")


def equal(found: Any, expected: Any, within: float) -> bool:
    """Whether two results agree: texts exactly, numbers within a distance, lists each by each."""
    if isinstance(expected, (list, tuple)):
        same_length = hasattr(found, "__len__") and len(found) == len(expected)
        return same_length and all(
            equal(one, other, within) for one, other in zip(found, expected, strict=True)
        )
    if isinstance(expected, str):
        return bool(found == expected)
    theirs, ours = as_array(found), as_array(expected)
    return theirs.shape == ours.shape and bool(np.allclose(theirs, ours, rtol=0, atol=within))


def as_array(value: Any) -> np.ndarray:
    """Numbers, lists of them, arrays and tensors as one array.

    Raises:
        TypeError: for anything else.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    elif isinstance(value, (list, tuple)):
        value = [as_array(part) for part in value]
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"it gives {brief(value)}, which are not numbers")
    return array.astype(float)


def brief(value: Any) -> str:
    """A value on one short line."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, (np.ndarray, list, tuple)):
        try:
            value = np.asarray(value).round(4).tolist()
        except (TypeError, ValueError):
            value = list(value)
    elif isinstance(value, float):
        value = round(value, 6)
    return shortened(printable(" ".join(repr(value).split())), 60)


def described(error: BaseException) -> str:
    """An error of the learner's code, with its line."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename != __file__]  # the learner's
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    where = f", line {lines[-1]}" if lines else ""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return shortened(printable(f"{type(error).__name__}{where}: {text}"), 200)
