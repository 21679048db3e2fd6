"""The output of `unroll inspect`: text or JSON on standard output, and files of pictures."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.cli.output import say, say_json, write_file
from unroll.errors import UserError
from unroll.paths import refuse_impossible_path

if TYPE_CHECKING:
    from unroll.inspect.finding import Finding, Picture

SHOWN: ContextVar[list[Finding] | None] = ContextVar("SHOWN", default=None)


@contextmanager
def findings_shown() -> Iterator[list[Finding]]:
    """Collect what commands show in the block, for a page that has it too."""
    findings: list[Finding] = []
    token = SHOWN.set(findings)
    try:
        yield findings
    finally:
        SHOWN.reset(token)


def checked_files(files: dict[str, str | None], overwrite: bool) -> dict[str, Path]:
    """The files to write, checked before anything is computed.

    Args:
        files: names by flag; a name without an ending is a folder. None: not given.
        overwrite: whether existing files may be overwritten.

    Returns:
        The given files, by flag.

    Raises:
        UserError: for files that cannot be written.
    """
    wanted = {flag: Path(file) for flag, file in files.items() if file is not None}
    for flag, path in wanted.items():
        refuse_impossible_path(str(path) if path.name else "", flag)
        exists = path.exists() and (path.is_file() or path.suffix or any(path.iterdir()))
        if exists and not overwrite:
            raise UserError(f"{path} exists already; nothing was overwritten. Use --overwrite.")
        if path.is_dir() and path.suffix:
            raise UserError(f"{flag} names {path}, which is a folder. Give the file another name.")
        if not path.absolute().parent.is_dir():
            raise UserError(
                f"{flag} names {path}, but there is no folder {path.parent}. Create it first."
            )
    single = [path for path in wanted.values() if path.suffix]
    if len(set(single)) < len(single):
        raise UserError(f"{' and '.join(wanted)} name the same file. Give each a file of its own.")
    return wanted


def report_finding(
    finding: Finding, command: list[str], files: dict[str, Path], json: bool, page: str
) -> None:
    """Write the files, and print the finding as text or JSON.

    Args:
        finding: the result of an inspection.
        command: the words of the command, for pages.
        files: by flag.
        json: print JSON in place of text.
        page: a file name to suggest for a page.

    Raises:
        UserError: for a file that cannot be written.
    """
    collected = SHOWN.get()
    if collected is not None:
        collected.append(finding)
    write_files(finding, command, files)
    if json:
        say_json(finding.as_dict(), allow_nan=False)
        return
    say(finding.text())
    if not files:
        page_command = shlex.join([*command, "--out", page])
        say(f"\nTo see it as pictures in a browser: {page_command}")


def progress_by_name() -> Callable[[str, float], None]:
    """A function that prints how far the work on each name is, a line every few seconds."""
    from unroll.training.report import ProgressLog

    logs: dict[str, ProgressLog] = {}

    def progress(name: str, share: float) -> None:
        """Print a line where one is due."""
        if name not in logs:
            logs[name] = ProgressLog(name, lambda line: say(line, err=True))
        logs[name](share)

    return progress


def write_files(finding: Finding, command: list[str], files: dict[str, Path]) -> None:
    """Write the files of a finding.

    Args:
        finding: the result of an inspection.
        command: the words of the command, for pages.
        files: by flag.

    Raises:
        UserError: for a file that cannot be written.
    """
    encoders: dict[str, Callable[[Picture], bytes]] = {
        "--svg": lambda picture: picture.draw().svg().encode(),
        "--csv": lambda picture: picture.csv().encode(),
        "--png": lambda picture: picture.draw().png(),
    }
    for flag, path in files.items():
        if flag == "--out":
            write_and_report(path, finding.html(shlex.join(command)).encode())
        elif path.suffix:
            write_and_report(path, encoders[flag](finding.picture()))
        else:
            path.mkdir(exist_ok=True)
            for name, picture in finding.pictures().items():
                file = path / f"{file_name(name)}.{flag.removeprefix('--')}"
                write_and_report(file, encoders[flag](picture))


def file_name(name: str) -> str:
    """The name of a picture as a file name, whatever characters it contains."""
    return "".join(c if c.isalnum() else "_" for c in name)


def as_flags(given: dict[str, Any]) -> list[str]:
    """Settings as flags of the command line; a list repeats its flag."""
    words = []
    for name, value in given.items():
        flag = f"--{name.replace('_', '-')}"
        for one in value if isinstance(value, list) else [value]:
            words += [flag] if one is True else [flag, str(one)]
    return words


def write_and_report(path: Path, content: bytes) -> None:
    """Write a file, and print its name.

    Raises:
        UserError: for a file that cannot be written.
    """
    write_file(path, content)
    say(f"Written: {path}", err=True)
