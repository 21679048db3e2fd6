"""JSON as records: one value per line, or one list of records for the whole file."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from unroll.data.files.encoding import conversion, refuse_other_encoding
from unroll.data.files.lines import numbered_lines
from unroll.data.files.opening import open_bytes
from unroll.data.problems import Problems
from unroll.errors import UserError

BLOCK = 1 << 16
LONGEST_VALUE = 1 << 26  # characters of one record of a list, or of one object with everything
SPACE = " \t\r\n"


def json_lines(path: Path, name: str, problems: Problems) -> Iterator[tuple[int, Any]]:
    """The line number and the value of each line of JSON that is not blank.

    Args:
        path: the file.
        name: what the user called it, for errors.
        problems: notes lines that are not JSON.
    """
    for line, text in numbered_lines(path, name, problems):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:  # also numbers too long, lists too deep
            said = getattr(error, "msg", error)
            problems.bad(f"{name}, line {line}: not JSON ({said}); expected one object per line.")
            continue
        yield line, value


def json_values(path: Path, name: str) -> Iterator[tuple[int, Any]]:
    """The records of a list that is the whole file, or of objects over several lines, with their lines.

    One object that holds everything gives its records: those of its one list of objects, or the rows
    of its columns.

    Args:
        path: the file; it is read a record at a time.
        name: what the user called it, for errors.

    Raises:
        UserError: where it is not JSON, with the line.
    """
    with open_bytes(path, name) as file:
        text = JsonText(file, path, name)
        in_list = text.next_character() == "["
        if in_list:
            text.skip("[")
        values = []
        while (character := text.next_character()) not in ("", "]"):
            line = text.line
            value = text.value()
            if in_list:
                yield line, value
            else:
                values.append((line, value))
            text.next_character()
            text.skip(",")
        if in_list and character != "]":
            raise UserError(f"{name}, line {text.line}: the list has no end; expected ].")
    if len(values) == 1:
        values = list(records_of_object(*values[0]))
    yield from values


def records_of_object(line: int, value: Any) -> Iterator[tuple[int, Any]]:
    """The records of an object that holds them all; the object where it is one record."""
    inner = list(value.values()) if isinstance(value, dict) else []
    lists = [each for each in inner if isinstance(each, list) and each]
    records = [each for each in lists if all(isinstance(one, dict) for one in each)]
    columns = value.get("columns") if isinstance(value, dict) else None
    if isinstance(columns, list) and isinstance(value.get("data"), list):
        # as pandas writes with orient="split"
        for row in value["data"]:
            yield line, dict(zip(map(str, columns), row, strict=False))
    elif len(records) == 1:
        for each in records[0]:
            yield line, each
    elif inner and len(lists) == len(inner) and len({len(each) for each in lists}) == 1:
        for cells in zip(*lists, strict=True):
            yield line, dict(zip(value, cells, strict=True))
    elif inner and all(isinstance(each, dict) and each for each in inner):
        # columns by the numbers of their rows, as pandas writes by default
        for key in dict.fromkeys(key for each in inner for key in each):
            yield line, {column: each.get(key) for column, each in value.items()}
    else:
        yield line, value


class JsonText:
    """The text of a file of JSON, of which only the part is kept that is read now.

    Args:
        file: opened as bytes.
        path: of the file.
        name: what the user called it, for errors.

    Attributes:
        line: of the character that is read next, from 1.
    """

    def __init__(self, file: IO[bytes], path: Path, name: str) -> None:
        self._file, self._path, self._name = file, path, name
        self._text, self._at, self.line = "", 0, 1
        self._bytes = codecs.getincrementaldecoder("utf-8")()
        self._values = json.JSONDecoder()

    def next_character(self) -> str:
        """The next character that is no space, which is not taken; empty at the end."""
        while True:
            start = self._at
            while self._at < len(self._text) and self._text[self._at] in SPACE:
                self._at += 1
            self.line += self._text.count("\n", start, self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill(BLOCK):
                return ""

    def skip(self, character: str) -> None:
        """Take the next character where it is this one."""
        if self._text[self._at : self._at + 1] == character:
            self._at += 1

    def value(self) -> Any:
        """The next value.

        Raises:
            UserError: where it is not JSON, or too long.
        """
        size = BLOCK
        while True:
            try:
                value, end = self._values.raw_decode(self._text, self._at)
                # a number may go on
                if end < len(self._text) or not self._fill(size):
                    self.line += self._text.count("\n", self._at, end)
                    self._at = end
                    return value
            except (ValueError, RecursionError) as error:
                long = len(self._text) - self._at > LONGEST_VALUE
                if long or isinstance(error, RecursionError) or not self._fill(size):
                    said = getattr(error, "msg", error)
                    raise UserError(
                        f"{self._name}, line {self.line}: "
                        + (
                            "a record of more than 64 Mi characters"
                            if long
                            else f"not JSON ({said})"
                        )
                        + "; expected a list of records, or one object per line."
                    ) from error
            size *= 2

    def _fill(self, size: int) -> bool:
        """Read more; the part that was taken is dropped. False at the end of the file."""
        block = self._file.read(size)
        if not self._text and self.line == 1:
            refuse_other_encoding(block, self._name)
            block = block.removeprefix(codecs.BOM_UTF8)
        try:
            text = self._bytes.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line = self.line + self._text.count("\n", self._at)
            line += error.object.count(b"\n", 0, error.start)
            raise UserError(
                f"{self._name}, line {line}: not UTF-8 (byte 0x{error.object[error.start]:02X}). "
                f"{conversion(self._path, self._name)}"
            ) from error
        self._text, self._at = self._text[self._at :] + text, 0
        return bool(block)
