"""One trial: a changed input is looked at and read, and ends in a result or in a sentence."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import signal
import traceback
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.hostile.mutations import mutate
from tests.hostile.seeds import Seed
from unroll.errors import UserError
from unroll.run.data_check import check
from unroll.tasks import load_task
from unroll.tasks.task_settings import task_settings

LONGEST_SENTENCE = 300
PATIENCE = 20.0  # seconds for one trial on a busy machine; nearly all take a hundredth of one


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        kind: "read", "refused", or "fault".
        detail: of a fault: what went wrong.
    """

    kind: str
    detail: str = ""


class TookTooLong(Exception):
    """A trial did not end in time."""


@contextmanager
def limited_to(seconds: float) -> Iterator[None]:
    """Raise `TookTooLong` in the main thread when the time is over."""

    def over(number: int, frame: FrameType | None) -> None:
        raise TookTooLong(f"more than {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def mutated_copy(valid: Path, folder: Path, draw: random.Random) -> Path:
    """Copy a valid input, and change one of its files. Returns the file that was changed."""
    shutil.copytree(valid, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    # the table is as likely as all the files that it names
    tables = [path for path in files if path.name.startswith("data.")]
    path = draw.choice(tables if tables and draw.random() < 0.5 else files)
    path.write_bytes(changed(path, draw))
    return path


def changed(path: Path, draw: random.Random) -> bytes:
    """The bytes of a file with random changes; of a packed one mostly of what is packed.

    Hardly any other change gets past the unpacking.
    """
    data = path.read_bytes()
    if draw.random() < 0.3:
        return mutate(data, draw)
    if path.suffix == ".gz":
        return gzip.compress(mutate(gzip.decompress(data), draw), mtime=0)
    if path.suffix in (".xlsx", ".npz"):
        with zipfile.ZipFile(path) as packed:
            members = {name: packed.read(name) for name in packed.namelist()}
        name = draw.choice(sorted(members))
        members[name] = mutate(members[name], draw)
        again = io.BytesIO()
        with zipfile.ZipFile(again, "w") as packed:
            for name, member in members.items():
                packed.writestr(name, member)
        return again.getvalue()
    return mutate(data, draw)


def attempt(seed: Seed, data: str, named: bool) -> Outcome:
    """Look at data in the current folder as `unroll data check` does, then read it as training does.

    Args:
        seed: whose data it was before it was changed.
        data: the name of the data.
        named: whether the task is given. False: it is guessed.
    """
    logged: list[str] = []
    try:
        with limited_to(PATIENCE):
            facts = check(data, logged.append, task=seed.task if named else None, **seed.settings)
            if named:
                settings = task_settings(seed.task, seed.settings)
                with suppress(UserError):  # the first bad record, which the check has counted
                    load_task(seed.task).read(data, settings, logged.append)
    except UserError as error:
        return of_sentences(str(error), "refused")
    except (Exception, TookTooLong, RecursionError):
        return Outcome("fault", traceback.format_exc(limit=-6))
    problems = facts.get("problems") or []
    return of_sentences("\n".join(map(str, problems)), "read")


def of_sentences(sentences: str, kind: str) -> Outcome:
    """The outcome, which is a fault where a sentence is too long or holds control characters."""
    for sentence in sentences.split("\n"):
        if len(sentence) > LONGEST_SENTENCE:
            return Outcome("fault", f"a sentence of {len(sentence)} characters: {sentence}")
    return Outcome(kind)
