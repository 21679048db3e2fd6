"""What a person sees while it trains: a live line on a terminal, plain lines elsewhere, or JSON."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from unroll.training.metrics import in_words

PLAIN_SECONDS = 10.0  # between plain lines


class Report(Protocol):
    """Where the loop says how it goes. Figures: step, loss, tokens, seconds.

    unit: what a token is, for people.
    """

    unit: str

    def say(self, sentence: str) -> None: ...
    def step(self, figures: dict[str, float], share: float, left: float) -> None: ...
    def evaluation(
        self, step: int, figures: dict[str, float], better: bool, sample: str | None
    ) -> None: ...
    def close(self) -> None: ...


def make_report(unit: str = "tokens", *, as_json: bool = False, quiet: bool = False) -> Report:
    """The report that fits: JSON lines, nothing, a live display, or plain lines."""
    if quiet:
        return QuietReport()
    if as_json:
        return JsonReport(sys.stdout)
    if sys.stderr.isatty():
        return LiveReport(unit)
    return PlainReport(unit, sys.stderr)


class QuietReport:
    """Says nothing."""

    unit = "tokens"

    def say(self, sentence: str) -> None:
        return

    def step(self, figures: dict[str, float], share: float, left: float) -> None:
        return

    def evaluation(
        self, step: int, figures: dict[str, float], better: bool, sample: str | None
    ) -> None:
        return

    def close(self) -> None:
        return


class JsonReport(QuietReport):
    """One object a line."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def say(self, sentence: str) -> None:
        self._line(say=sentence)

    def evaluation(
        self, step: int, figures: dict[str, float], better: bool, sample: str | None
    ) -> None:
        self._line(step=step, validation=figures, best=better, sample=sample)

    def _line(self, **record: Any) -> None:
        self.out.write(json.dumps(in_words(record)) + "\n")
        self.out.flush()


class PlainReport(QuietReport):
    """A line now and then, for logs and pipes."""

    def __init__(self, unit: str, out: TextIO) -> None:
        self.unit, self.out = unit, out
        self._last = 0.0
        self._rate = Rate()

    def say(self, sentence: str) -> None:
        self.out.write(sentence + "\n")
        self.out.flush()

    def step(self, figures: dict[str, float], share: float, left: float) -> None:
        self._rate.update(figures)
        now = time.monotonic()
        if now - self._last >= PLAIN_SECONDS:
            self._last = now
            self.say(line(figures, self._rate, self.unit, share, left))

    def evaluation(
        self, step: int, figures: dict[str, float], better: bool, sample: str | None
    ) -> None:
        self.say(verdict(step, figures, better))
        if sample is not None:
            self.say(indented(sample))


class LiveReport(QuietReport):
    """A progress bar that stays in its place, with what is said above it."""

    def __init__(self, unit: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self.unit = unit
        self.console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            BarColumn(24),
            TaskProgressColumn(),
            TextColumn("{task.description}", markup=False),
            console=self.console,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=1.0)
        self._rate = Rate()
        self._started = False

    def say(self, sentence: str) -> None:
        self.console.print(sentence, markup=False)

    def step(self, figures: dict[str, float], share: float, left: float) -> None:
        if not self._started:
            self._bar.start()
            self._started = True
        self._rate.update(figures)
        text = line(figures, self._rate, self.unit, None, left)
        self._bar.update(self._task, completed=share, description=text)

    def evaluation(
        self, step: int, figures: dict[str, float], better: bool, sample: str | None
    ) -> None:
        self.say(verdict(step, figures, better))
        if sample is not None:
            self.console.print(indented(sample), markup=False, style="dim")

    def close(self) -> None:
        if self._started:
            self._bar.stop()


class ProgressLog:
    """A line every few seconds while something is done that takes longer than two."""

    def __init__(self, what: str, say: Callable[[str], None]) -> None:
        self.what, self.say = what, say
        self._next = time.monotonic() + 2.0

    def __call__(self, share: float) -> None:
        """share: how much is done, 0 to 1."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_SECONDS / 2
            self.say(f"{self.what}: {share:.0%}")


class Rate:
    """Tokens a second since this process started, not since the run did."""

    def __init__(self) -> None:
        self._first: dict[str, float] | None = None
        self.per_second = math.nan

    def update(self, figures: dict[str, float]) -> None:
        if self._first is None:
            self._first = dict(figures)
            return
        seconds = figures["seconds"] - self._first["seconds"]
        if seconds > 0:
            self.per_second = (figures["tokens"] - self._first["tokens"]) / seconds


def line(figures: dict[str, float], rate: Rate, unit: str, share: float | None, left: float) -> str:
    speed = "" if math.isnan(rate.per_second) else f"  {rate.per_second:,.0f} {unit}/s"
    part = "" if share is None else f"{share:4.0%}  "
    return (
        f"{part}step {figures['step']:.0f}  loss {figures['loss']:.3f}{speed}  {clock(left)} left"
    )


def verdict(step: int, figures: dict[str, float], better: bool) -> str:
    rest = "  ".join(f"{k.replace('_', ' ')} {v:.3f}" for k, v in figures.items() if k != "loss")
    return f"step {step}  held-out loss {figures['loss']:.4f}  {rest}{'  (best)' if better else ''}"


def indented(sample: str) -> str:
    return "\n".join("    | " + row for row in sample.split("\n"))


def clock(seconds: float) -> str:
    """`1:05`, `2:03:04`."""
    whole = int(seconds + 0.5)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
