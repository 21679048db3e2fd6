"""Sentences about a file of data from Python, in words of the data: its rows, not lines of a path."""

from __future__ import annotations

import logging
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unroll.counting import counted
from unroll.errors import UserError

log = logging.getLogger("unroll")

LINE = re.compile(r"\bline (\d+)")
MEDIA = re.compile(r"\b(image|sound|sequence|labels)-(\d+)\.(?:png|wav|csv|txt)\b")


@dataclass(frozen=True)
class Wording:
    """How one file of data from Python is spoken of.

    Attributes:
        path: of the file, as readers name it.
        kind: what the user calls it: "DataFrame", "list".
        unit: what one record is: "row", "text", "pair".
        count: how many there are.
        starts: the line on which each record begins, from 1.
        index: the label of each row, where rows have labels.
    """

    path: Path
    kind: str
    unit: str
    count: int
    starts: Sequence[int] = ()
    index: Sequence[Any] | None = None

    @property
    def name(self) -> str:
        """The data in words: "the DataFrame of 900 rows"."""
        return f"the {self.kind} of {counted(self.count, self.unit)}"

    def record(self, line: int) -> str:
        """The record that stands on a line: "row 5", with the label that the index has for it."""
        row = bisect_right(self.starts, line) - 1
        if row < 0:
            return "the names of the columns"
        label = "" if self.index is None else f" (index {str(self.index[row])[:40]!r})"
        return f"{self.unit} {row}{label}"

    def say(self, sentence: str) -> str:
        """A sentence with the words of the data instead of the path and its lines."""
        path, name = re.escape(str(self.path)), re.escape(self.path.name)
        file = f"(?:{path}|{name})"
        if not re.search(f"{file}|{re.escape(str(self.path.parent))}", sentence):
            return sentence

        def at_line(found: re.Match[str]) -> str:
            return f"{self.record(int(found[1]))} of the {self.kind}"

        said = re.sub(rf"{file}, line (\d+)", at_line, sentence)
        said = re.sub(file, self.name, said)
        said = re.sub(rf"{re.escape(str(self.path.parent))}/{MEDIA.pattern}", self._media, said)
        said = MEDIA.sub(self._media, said).replace(str(self.path.parent), f"the {self.kind}")
        said = LINE.sub(lambda found: self.record(int(found[1])), said)
        return said[0].upper() + said[1:] if said.startswith(("the ", self.unit)) else said

    def _media(self, found: re.Match[str]) -> str:
        return f"{found[1]} {found[2]} of the {self.kind}"


@dataclass(frozen=True)
class Wordings:
    """How all files of one call are spoken of; none where the user gave paths.

    Attributes:
        all: of the data, and of the validation set.
    """

    all: tuple[Wording, ...] = ()

    def say(self, value: Any) -> Any:
        """Every sentence in a value, be it in lists and dictionaries, in the words of the data."""
        if not self.all:
            return value
        if isinstance(value, str):
            for wording in self.all:
                value = wording.say(value)
            return value
        if isinstance(value, dict) and type(value) is dict:
            return {key: self.say(each) for key, each in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self.say(each) for each in value)
        return value

    @contextmanager
    def errors(self) -> Iterator[None]:
        """A block whose errors and warnings are in the words of the data."""

        def say_logged(record: logging.LogRecord) -> bool:
            record.msg = self.say(record.msg)
            return True

        log.addFilter(say_logged)
        try:
            yield
        except UserError as error:
            error.args = (self.say(str(error)),)
            raise
        finally:
            log.removeFilter(say_logged)
