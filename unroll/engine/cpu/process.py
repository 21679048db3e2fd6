"""A compiler as a process: what it prints, and its end where it hangs, works too long or fills the disk."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from unroll.engine.cpu.build_error import COMPILER_ADVICE, BuildError
from unroll.terminal import printable, shortened

log = logging.getLogger("unroll")

PATIENCE = 30.0  # seconds in which nothing is computed, or that a single kernel is computed
SAID_AFTER = 2.0  # seconds of silence
WORKS = 0.05  # of a processor: a compiler on a busy machine gets more, one that hangs less
MOST_PRINTED = 1 << 20  # bytes of what it prints that are read
LARGEST_FILE = 1 << 28  # bytes of a file that it writes


def patience() -> float:
    """Seconds that a compiler is waited for; the variable UNROLL_CXX_SECONDS changes them.

    Raises:
        BuildError: where the variable is no positive number.
    """
    text = os.environ.get("UNROLL_CXX_SECONDS", "").strip()
    if not text:
        return PATIENCE
    with suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise BuildError(
        f"the variable UNROLL_CXX_SECONDS is {shortened(repr(text), 40)}, which is no number of seconds",
        "unset UNROLL_CXX_SECONDS, or set it to a number such as 60",
    )


def run(command: Sequence[str], place: Path, kernels: int = 1) -> tuple[int | None, str]:
    """The exit status, None if it had to be killed, and what was printed.

    It prints into a file and not into a pipe: a pipe stays open for as long as any process that
    inherited it lives, such as the daemon of a compiler cache, and reading it would wait for that.

    Args:
        command: its words.
        place: the folder that it runs in.
        kernels: how many it compiles; each may take as long as a single one.

    Raises:
        BuildError: where the command cannot be started.
    """
    seconds = patience()
    printed = place / "said"
    with printed.open("wb") as file:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=place,
                env={**os.environ, "LC_ALL": "C"},
                process_group=0,  # a compiler runs others; they are killed together
            )
        except OSError as error:
            raise BuildError(
                f"the C++ compiler {shortened(printable(command[0]), 60)} cannot be run "
                f"({error.strerror or error})",
                COMPILER_ADVICE,
                lasting=True,
            ) from error
        limit_files(process)
        try:
            status = waited_for(process, command[0], seconds, kernels)
        except BaseException:
            kill(process)
            raise
    with printed.open("rb") as file:
        return status, file.read(MOST_PRINTED).decode("utf-8", errors="replace")


def waited_for(
    process: subprocess.Popen[bytes], name: str, seconds: float, kernels: int
) -> int | None:
    """The exit status, or None where it was killed: it computed nothing for so long, or too much."""
    start = time.monotonic()
    last_work, mark, used, said = start, start, 0.0, False
    while True:
        try:
            return process.wait(min(seconds, SAID_AFTER) / 10)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        if not said and now - start >= SAID_AFTER:
            said = True
            log.info(
                "Waiting for the C++ compiler %s, %g seconds at most where it hangs.", name, seconds
            )
        if now - mark >= seconds / 10:
            computed = computed_seconds(process.pid)
            if computed is not None and computed - used >= WORKS * (now - mark):
                last_work = now
            mark, used = now, computed or 0.0
        if now - last_work >= seconds or used >= seconds * kernels:
            kill(process)
            return None


def computed_seconds(group: int) -> float | None:
    """Seconds of processor time of a process group; None where the system does not say."""
    if not sys.platform.startswith("linux"):
        return None
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
            # the name, in brackets, may hold anything
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[2]) == group:
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def limit_files(process: subprocess.Popen[bytes]) -> None:
    """Keep a compiler that writes without end from filling the disk, where the system can."""
    if sys.platform.startswith("linux"):
        import resource

        with suppress(OSError, ValueError):  # it has ended, or a lower limit holds
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a compiler and what it started."""
    with suppress(ProcessLookupError, PermissionError):  # it has just ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ended(status: int | None) -> str:
    """How a process ended, in words."""
    if status is None:
        return f"was killed after {patience():g} seconds without a result"
    if status < 0:
        return f"was killed ({signal.strsignal(-status) or f'signal {-status}'})"
    return "failed"
