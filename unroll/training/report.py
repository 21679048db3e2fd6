"""What a person sees while a network trains: a live line on a terminal, plain lines elsewhere, or JSON."""

from __future__ import annotations

import json
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TextIO

from unroll.terminal import shown
from unroll.training.metrics_file import words_for_non_finite

LOGGER = logging.getLogger("unroll")

PLAIN_SECONDS = 10.0  # between plain lines


class TrainingReport(Protocol):
    """Where the training loop reports how it goes; nothing else of the library prints.

    Attributes:
        unit: what a token is, for people: "characters", "sentences".
    """

    unit: str

    def log(self, message: str) -> None:
        """Take a sentence for people."""
        ...

    def step(self, metrics: Mapping[str, float], share: float, seconds_left: float) -> None:
        """Take the metrics of a step.

        Args:
            metrics: `step`, `loss` (of the last steps), `tokens` and `seconds`, both of the whole run.
            share: how much of the budget is used, 0 to 1.
            seconds_left: to the end of the budget.
        """
        ...

    def evaluation(
        self, step: int, metrics: Mapping[str, float], better: bool, sample: str | None
    ) -> None:
        """Take the validation metrics after a step.

        Args:
            step: after which they were measured.
            metrics: `loss` among them.
            better: whether they are the best of the run so far.
            sample: what the network does now, or None.
        """
        ...

    def close(self) -> None:
        """Training has ended."""
        ...


def make_report(
    unit: str = "tokens", *, as_json: bool = False, quiet: bool = False
) -> TrainingReport:
    """The report that fits: JSON lines on standard output, nothing, a live display, or plain lines."""
    if quiet:
        return QuietReport()
    if as_json:
        return JsonReport(sys.stdout)
    if sys.stderr.isatty():
        return LiveReport(unit)
    return PlainReport(unit, sys.stderr)


class ReportHandler(logging.Handler):
    """Hands what the library logs to a report, which shows it among its own sentences."""

    def __init__(self, report: TrainingReport) -> None:
        super().__init__()
        self.report = report

    def emit(self, record: logging.LogRecord) -> None:
        self.report.log(record.getMessage())


@contextmanager
def reported(report: TrainingReport, *, quiet: bool = False) -> Iterator[None]:
    """A block in which a report shows what the logger `unroll` is told; quiet: it does not."""
    if quiet:
        yield
        return
    handler, level = ReportHandler(report), LOGGER.level
    LOGGER.addHandler(handler)
    if level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)


def is_reported() -> bool:
    """Whether a report shows what the logger `unroll` is told."""
    return any(isinstance(handler, ReportHandler) for handler in LOGGER.handlers)


class QuietReport:
    """Reports nothing."""

    unit = "tokens"

    def log(self, message: str) -> None:
        return

    def step(self, metrics: Mapping[str, float], share: float, seconds_left: float) -> None:
        return

    def evaluation(
        self, step: int, metrics: Mapping[str, float], better: bool, sample: str | None
    ) -> None:
        return

    def close(self) -> None:
        return


class JsonReport(QuietReport):
    """One JSON object per line: `message`, or `step` with `validation`, `best` and `sample`."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def log(self, message: str) -> None:
        self._write(message=message)

    def evaluation(
        self, step: int, metrics: Mapping[str, float], better: bool, sample: str | None
    ) -> None:
        self._write(step=step, validation=dict(metrics), best=better, sample=sample)

    def _write(self, **record: object) -> None:
        self.out.write(json.dumps(words_for_non_finite(record)) + "\n")
        self.out.flush()


class PlainReport(QuietReport):
    """A line every few seconds, for logs and pipes."""

    def __init__(self, unit: str, out: TextIO) -> None:
        self.unit, self.out = unit, out
        self._last = 0.0
        self._rate = TokenRate()

    def log(self, message: str) -> None:
        self.out.write(shown(message, self.out) + "\n")
        self.out.flush()

    def step(self, metrics: Mapping[str, float], share: float, seconds_left: float) -> None:
        self._rate.update(metrics)
        now = time.monotonic()
        if now - self._last >= PLAIN_SECONDS:
            self._last = now
            line = format_step(metrics, self._rate, self.unit, seconds_left)
            self.log(f"{share:4.0%}  {line}")

    def evaluation(
        self, step: int, metrics: Mapping[str, float], better: bool, sample: str | None
    ) -> None:
        self.log(format_evaluation(step, metrics, better))
        if sample is not None:
            self.log(indent(sample))


class LiveReport(QuietReport):
    """A progress bar that stays in its place, with the messages above it."""

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
        self._rate = TokenRate()
        self._started = False

    def log(self, message: str) -> None:
        self.console.print(shown(message, self.console.file), markup=False)

    def step(self, metrics: Mapping[str, float], share: float, seconds_left: float) -> None:
        if not self._started:
            self._bar.start()
            self._started = True
        self._rate.update(metrics)
        line = format_step(metrics, self._rate, self.unit, seconds_left)
        self._bar.update(self._task, completed=share, description=line)

    def evaluation(
        self, step: int, metrics: Mapping[str, float], better: bool, sample: str | None
    ) -> None:
        self.log(format_evaluation(step, metrics, better))
        if sample is not None:
            text = shown(indent(sample), self.console.file)
            self.console.print(text, markup=False, style="dim")

    def close(self) -> None:
        if self._started:
            self._bar.stop()


class ProgressLog:
    """A line every few seconds while something is done that takes longer than two seconds.

    Args:
        what: what is done: "evaluating".
        log: takes the lines.
        check: called each time; may raise to end what is done. Default: nothing.
    """

    def __init__(
        self, what: str, log: Callable[[str], None], check: Callable[[], None] | None = None
    ) -> None:
        self.what, self.log, self._check = what, log, check
        self._next = time.monotonic() + 2.0

    def __call__(self, share: float) -> None:
        """Log a line where it is time for one.

        Args:
            share: how much is done, 0 to 1.
        """
        if self._check is not None:
            self._check()
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_SECONDS / 2
            self.log(f"{self.what}: {share:.0%}")


class TokenRate:
    """Tokens per second since this process started, not since the run did.

    Attributes:
        per_second: NaN before the second step.
    """

    def __init__(self) -> None:
        self._first: Mapping[str, float] | None = None
        self.per_second = math.nan

    def update(self, metrics: Mapping[str, float]) -> None:
        """Take the metrics of a step: `tokens` and `seconds`, both of the whole run."""
        if self._first is None:
            self._first = dict(metrics)
            return
        seconds = metrics["seconds"] - self._first["seconds"]
        if seconds > 0:
            self.per_second = (metrics["tokens"] - self._first["tokens"]) / seconds


def format_step(
    metrics: Mapping[str, float], rate: TokenRate, unit: str, seconds_left: float
) -> str:
    """`step 120  loss 1.234  5,000 characters/s  1:05 left`."""
    speed = "" if math.isnan(rate.per_second) else f"  {rate.per_second:,.0f} {unit}/s"
    left = format_clock(seconds_left)
    return f"step {metrics['step']:.0f}  loss {metrics['loss']:.3f}{speed}  {left} left"


def format_evaluation(step: int, metrics: Mapping[str, float], better: bool) -> str:
    """`step 120  validation loss 1.2345  accuracy 0.900  (best)`."""
    rest = "  ".join(f"{k.replace('_', ' ')} {v:.3f}" for k, v in metrics.items() if k != "loss")
    loss = f"validation loss {metrics['loss']:.4f}"
    parts = [f"step {step}", loss, rest, "(best)" if better else ""]
    return "  ".join(part for part in parts if part)


def indent(sample: str) -> str:
    """A sample with a bar before each line."""
    return "\n".join("    | " + row for row in sample.split("\n"))


def format_clock(seconds: float) -> str:
    """`1:05`, `2:03:04`."""
    whole = int(seconds + 0.5)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
