"""A claim of the tutorials and the command that shows it."""

import os
import re
import resource
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unroll.learn import all_lessons, write_data

ROOT = Path(__file__).parents[2]
Run = Callable[[list[str], Path], str]
PROGRAM = "import sys; from unroll.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Claim:
    """What is said, and where one can see it.

    Attributes:
        says: the claim, in one sentence.
        commands: what to type, in the folder of the lessons' data; the last one shows the claim.
        shows: a regular expression of what the last command prints; its groups are the figures.
        figure: the figures in words, with `{0}`, `{1}`, ... for the groups.
        small: what a test adds to commands that train, to make them short.
        shows_small: what the last command prints after so short a training. Default: `shows`.
    """

    says: str
    commands: tuple[str, ...]
    shows: str
    figure: str
    small: str = ""
    shows_small: str | None = None


@dataclass(frozen=True)
class Shown:
    """A claim that was looked at.

    Attributes:
        figure: what the last command printed, in words.
        seconds: of the processor, for all its commands.
    """

    figure: str
    seconds: float


def run_process(words: list[str], folder: Path) -> str:
    """What a command of this checkout prints.

    Raises:
        RuntimeError: where it fails.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{shlex.join(words)}\nends with {done.returncode}:\n{done.stdout}")
    return done.stdout


def write_lessons_data(folder: Path) -> None:
    """Write the data of every lesson, where the commands of claims read them."""
    for lesson in all_lessons():
        write_data(lesson.number, folder / "unroll-lessons")


def show(claim: Claim, folder: Path, small: bool = False, run: Run = run_process) -> Shown:
    """Run the commands of a claim.

    Args:
        claim: which.
        folder: where they run; data and runs are left in it.
        small: train only as long as a test may take.
        run: runs the words of one command in the folder, and returns what it prints.

    Returns:
        The figure.

    Raises:
        RuntimeError: where a command fails, or does not print what it should show.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = ""
    for command in claim.commands:
        words = shlex.split(command)[1:]
        added = shlex.split(claim.small) if small and words[0] in ("train", "compare") else []
        printed = run([*words, *added], folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    pattern = claim.shows_small if small and claim.shows_small is not None else claim.shows
    found = re.search(pattern, printed)
    if found is None:
        raise RuntimeError(f"{claim.commands[-1]}\ndoes not print {pattern!r}:\n{printed}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Shown("" if small else claim.figure.format(*found.groups()), seconds)
