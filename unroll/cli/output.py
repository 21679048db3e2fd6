"""Files that commands write: complete, or not there at all."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import typer

from unroll.errors import UserError


def check_new(path: Path, overwrite: bool) -> None:
    """Refuse to write over a file.

    Raises:
        UserError: where the path exists and overwriting was not asked for.
    """
    if path.exists() and not overwrite:
        raise UserError(f"{path} exists already; nothing was overwritten. Use --overwrite.")


def write_file(path: Path, content: bytes) -> None:
    """Write a file, at no moment half of it.

    Raises:
        UserError: where it cannot be written.
    """
    from unroll.training.files import write_whole

    try:
        write_whole(path, content)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error


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
            typer.echo(f"{number:,} {what}", err=True)
    write_file(path, "".join(kept).encode())
    typer.echo(f"{len(kept):,} {what} written to {path}", err=True)
