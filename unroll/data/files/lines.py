"""Numbered lines of a file, each of bounded length; bad ones are told with their number."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

from unroll.data.files.encoding import conversion, refuse_other_encoding
from unroll.data.files.opening import open_bytes
from unroll.data.problems import Problems

LONGEST_LINE = 1 << 26  # bytes


def numbered_lines(
    path: Path, name: str, problems: Problems, *, replace: bool = False
) -> Iterator[tuple[int, str]]:
    """The number and the text of each line of a file; line ends may be \\n, \\r\\n or \\r.

    A line that is not UTF-8, has a NUL byte, or is longer than 64 MiB is a bad record.

    Args:
        path: a regular file, packed or not.
        name: what the user called it, for errors.
        problems: notes bad lines.
        replace: whether bytes that are not UTF-8 are replaced. Default: such a line is bad.

    Raises:
        UserError: for a file in UTF-16 or UTF-32, or one that cannot be read.
    """
    line, advice = 0, None
    with open_bytes(path, name) as file:
        for raw in bounded_lines(file):
            line += 1
            if line == 1:
                refuse_other_encoding(raw or b"", name)
                raw = raw and raw.removeprefix(b"\xef\xbb\xbf")
            if raw is None:
                problems.bad(
                    f"{name}, line {line}: longer than {LONGEST_LINE >> 20} MiB; expected one record "
                    "per line."
                )
                if problems.glance:
                    return  # its end may be gigabytes away
                continue
            try:
                text = raw.decode(errors="replace" if replace else "strict")
            except UnicodeDecodeError as error:
                advice = advice or conversion(path, name)
                problems.bad(
                    f"{name}, line {line}: not UTF-8 (byte 0x{raw[error.start]:02X} at position "
                    f"{error.start} of the line). {advice}"
                )
                continue
            if "\0" in text:
                problems.bad(f"{name}, line {line}: a NUL byte; expected text in UTF-8.")
                continue
            # files of old Macs end their lines by \r alone
            first, *more = text.removesuffix("\n").rstrip("\r").split("\r")
            yield line, first
            for part in more:
                line += 1
                yield line, part


def bounded_lines(file: IO[bytes]) -> Iterator[bytes | None]:
    """The lines of a file with their ends; None in the place of one that is too long."""
    rest = b""
    for raw in iter(partial(file.readline, LONGEST_LINE), b""):
        raw, rest = rest + raw, b""
        if len(raw) < LONGEST_LINE or raw.endswith(b"\n"):
            yield raw
            continue
        whole, end, rest = raw.rpartition(b"\r")  # the lines of old Macs
        if end:
            yield whole + end
            continue
        yield None
        while raw and not raw.endswith(b"\n"):
            raw = file.readline(LONGEST_LINE)
        rest = b""
    if rest:
        yield rest
