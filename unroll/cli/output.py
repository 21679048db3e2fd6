"""What commands print and write: text that is safe on a terminal; files complete, or not there at all."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.paths import refuse_impossible_path
from unroll.terminal import json_line, shown


def say(text: object = "", *, err: bool = False, end: str = "\n") -> None:
    """Print text: control characters as escapes, in the characters that the terminal has.

    Everything that a command prints passes here, or `say_json`.

    Args:
        text: what is printed.
        err: on standard error.
        end: what follows it.
    """
    out = sys.stderr if err else sys.stdout
    if out is not None:  # a program without a terminal
        out.write(shown(str(text), out) + end)
        out.flush()


def say_json(record: Any, **options: Any) -> None:
    """Print a record as a line of JSON that loses nothing, whatever the terminal's encoding.

    Args:
        record: what JSON can hold.
        options: of `json.dumps`.
    """
    if sys.stdout is not None:
        sys.stdout.write(json_line(record, sys.stdout, **options) + "\n")
        sys.stdout.flush()


def make_streams_forgiving() -> None:
    """Let the terminal have `?` for characters that it lacks, also in help and tracebacks."""
    for out in (sys.stdout, sys.stderr):
        reconfigure = getattr(out, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


class TerminalHandler(logging.Handler):
    """Prints what the library logs on standard error, unless the report of a training shows it."""

    def emit(self, record: logging.LogRecord) -> None:
        report = sys.modules.get("unroll.training.report")
        if report is None or not report.is_reported():
            say(f"unroll: {record.getMessage()}", err=True)


def check_new(path: Path, overwrite: bool) -> None:
    """Refuse to write over a file.

    Raises:
        UserError: where the path exists and overwriting was not asked for.
    """
    refuse_impossible_path(str(path) if path.name else "", "--out")
    if path.exists() and not overwrite:
        raise UserError(f"{path} exists already; nothing was overwritten. Use --overwrite.")


def write_file(path: Path, content: bytes) -> None:
    """Write a file, at no moment half of it.

    Raises:
        UserError: where it cannot be written.
    """
    from unroll.training.files import write_whole

    try:
        if path.exists() and not path.is_file():  # a device, such as /dev/stdout
            path.write_bytes(content)
        else:
            write_whole(path, content)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror or error}. Make room there, or name another."
        ) from error


def write_lines(path: Path, lines: Iterable[str], what: str) -> None:
    """Write lines, with a count on standard error while they grow.

    Args:
        path: of the file.
        lines: without line ends.
        what: they are, for the count: "predictions".
    """
    next_count, kept = time.monotonic() + 2, []
    for number, line in enumerate(lines, 1):
        kept.append(line + "\n")
        if time.monotonic() > next_count:
            next_count = time.monotonic() + 5
            say(f"{number:,} {what}", err=True)
    write_file(path, "".join(kept).encode("utf-8", "surrogateescape"))  # names of files
    say(f"{len(kept):,} {what} written to {path}", err=True)
