"""A finding of `unroll inspect`: printed, and written to the files that were asked for."""

from __future__ import annotations

import json as json_module
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from unroll.cli.output import write_file
from unroll.errors import UserError

if TYPE_CHECKING:
    from unroll.inspect.finding import Finding, Picture


def checked_files(files: dict[str, str | None], overwrite: bool) -> dict[str, Path]:
    """The files that were asked for, by flag; a name without an ending is a folder.

    Args:
        files: by flag; None: not asked for.
        overwrite: whether files that exist are replaced.

    Raises:
        UserError: for files that cannot be written, before anything is computed.
    """
    wanted = {flag: Path(file) for flag, file in files.items() if file is not None}
    for flag, path in wanted.items():
        there = path.exists() and (path.is_file() or path.suffix or any(path.iterdir()))
        if there and not overwrite:
            raise UserError(f"{path} exists already; nothing was overwritten. Use --overwrite.")
        if path.is_dir() and path.suffix:
            raise UserError(f"{flag} names {path}, which is a folder. Give the file another name.")
        if not path.absolute().parent.is_dir():
            raise UserError(f"{flag} names {path}, but there is no folder {path.parent}. Make it.")
    single = [path for path in wanted.values() if path.suffix]
    if len(set(single)) < len(single):
        raise UserError(f"{' and '.join(wanted)} name the same file. Give each its own.")
    return wanted


def report_finding(
    finding: Finding, words: list[str], wanted: dict[str, Path], json: bool, page: str
) -> None:
    """Write a finding to its files, and print it.

    Args:
        finding: what was found.
        words: the command, for the page and for what to type next.
        wanted: the files by flag.
        json: whether it is printed as JSON.
        page: a name for a page, to suggest.
    """
    write_files(finding, words, wanted)
    if json:
        typer.echo(json_module.dumps(finding.facts(), allow_nan=False))
        return
    typer.echo(finding.text())
    if not wanted:
        again = shlex.join([*words, "--out", page])
        typer.echo(f"\nAs plots, in a browser: {again}")


def write_files(finding: Finding, words: list[str], wanted: dict[str, Path]) -> None:
    """Write the files that were asked for: a page, or plots as SVG, CSV or PNG."""
    pictures: dict[str, Callable[[Picture], bytes]] = {
        "--svg": lambda picture: picture.draw().svg().encode(),
        "--csv": lambda picture: picture.csv().encode(),
        "--png": lambda picture: picture.draw().png(),
    }
    for flag, path in wanted.items():
        if flag == "--out":
            write_and_report(path, finding.html(shlex.join(words)).encode())
        elif path.suffix:
            write_and_report(path, pictures[flag](finding.picture()))
        else:
            path.mkdir(exist_ok=True)
            for name, picture in finding.pictures().items():
                file = path / f"{file_name(name)}.{flag.removeprefix('--')}"
                write_and_report(file, pictures[flag](picture))


def file_name(name: str) -> str:
    """A picture's name as that of a file, whatever a cell or a class is called."""
    return "".join(c if c.isalnum() else "_" for c in name)


def flags(given: dict[str, Any]) -> list[str]:
    """The given flags as one types them."""
    words = []
    for name, value in given.items():
        flag = f"--{name.replace('_', '-')}"
        for each in value if isinstance(value, list) else [value]:
            words += [flag] if each is True else [flag, str(each)]
    return words


def write_and_report(path: Path, content: bytes) -> None:
    """Write a file, and print where."""
    write_file(path, content)
    typer.echo(f"Written: {path}", err=True)
