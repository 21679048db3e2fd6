"""Tables whose rows name a file, of a sound, an image or a clip, and say what it holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from unroll.counting import counted
from unroll.data.columns import longest, named, place
from unroll.data.problems import Problems
from unroll.data.records import LOOK, as_word, json_objects, objects, table_rows
from unroll.data.text import is_jsonl
from unroll.errors import UserError

AUDIO = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".opus")
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
VIDEO = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".mpg", ".mpeg", ".m4v")


class NoPaths(UserError):
    """A table without a column of paths to files of the kind that is looked for."""


@dataclass(frozen=True)
class MediaRow:
    """path: of the file, from where the table stands. value: what is said of it; None where the
    table has no such column. where: file and line. cells: every column by its name."""

    path: Path
    value: str | None
    where: str
    cells: dict[str, str]


@dataclass(frozen=True)
class MediaTable:
    """A table that is found out about.

    name: what the user called it. names: of its columns. media, value: which of them hold the path
    and what is said of it. said: what was guessed, each with the flag that changes it.
    """

    path: Path
    name: str
    names: tuple[str, ...]
    header: bool
    media: int
    value: int | None
    said: tuple[str, ...]

    def rows(self, problems: Problems) -> Iterator[MediaRow]:
        """The rows, in order; those without a file or without a value are bad."""
        if is_jsonl(self.path):
            rows = objects(self.path, self.name, self.names, problems)
        else:
            rows = table_rows(self.path, self.name, problems)
        for row in rows:
            where = f"{self.name}, line {row.line}"
            if row.line == 1 and self.header:
                continue
            if len(row.cells) != len(self.names):
                problems.bad(
                    f"{where}: {counted(len(row.cells), 'column')} where {len(self.names)} are "
                    f"expected ({', '.join(self.names)})."
                )
                continue
            cells = [as_word(cell).strip() for cell in row.cells]
            word = cells[self.media]
            path = self.path.parent / word
            if not word:
                problems.bad(f"{where}: no path; expected one in column {self.names[self.media]}.")
            elif not os.path.exists(path):  # noqa: PTH110  False too where it can be no path
                problems.bad(
                    f"{where}: there is no file {word} in {self.path.parent}; expected a path from "
                    "where the table stands."
                )
            elif self.value is not None and not cells[self.value]:
                problems.bad(
                    f"{where}: column {self.names[self.value]} is empty; expected what {word} holds."
                )
            else:
                value = None if self.value is None else cells[self.value]
                yield MediaRow(path, value, where, dict(zip(self.names, cells, strict=True)))


def find_media_table(
    path: str | Path,
    media: str | None = None,
    value: str | None = None,
    *,
    media_flag: str,
    value_flag: str,
    values: Sequence[str],
    suffixes: Sequence[str] = (),
    labelled: bool = True,
) -> MediaTable:
    """Which column of a .csv, .tsv or .jsonl holds the path of a file, and which says what it holds.

    media, value: the columns by name, or number from 1; None to guess. media_flag, value_flag: what
    the user names them by: "--audio", "--text". values: likely names of the second, the commonest
    first; where none is there, the other column with the longest cells. suffixes: of paths; a
    folder counts too where a column has a likely name. labelled: whether the second is wanted.
    Raises: UserError where there is no table or no such column.

    Example:
        >>> from pathlib import Path
        >>> from unroll.data.media_table import IMAGES, find_media_table
        >>> _ = Path("captions.csv").write_text("image,caption\\na.png,A cat.\\n")
        >>> table = find_media_table(
        ...     "captions.csv", media_flag="--image", value_flag="--text", values=["caption"],
        ...     suffixes=IMAGES)
        >>> table.names[table.media], table.names[table.value]
        ('image', 'caption')
    """
    path, name = Path(path), str(path)
    if not path.is_file():
        raise UserError(
            f"There is no file {name}; expected a table that names a file in each row. Check the "
            f"path, from {Path.cwd()}."
        )
    ill = Problems(skip=True)
    if is_jsonl(path):
        found = [record for _, record in islice(json_objects(path, name, ill), LOOK)]
        names = tuple(dict.fromkeys(key for record in found for key in record))
        rows = [[as_word(record.get(key)) for key in names] for record in found]
        header = False
    else:
        rows = [row.cells for row in islice(table_rows(path, name, ill), LOOK)]
        first = tuple(cell.strip() for cell in rows[0]) if rows else ()
        asked = any(word in first and not word.isdigit() for word in (media, value) if word)
        header = asked or not any(is_path(cell, suffixes) for cell in first)
        names = first if header else tuple(str(k + 1) for k in range(len(first)))
        rows = rows[1:] if header else rows
    if not rows or not names:
        raise UserError(
            ill.with_messages(f"{name} holds no record; expected a file's path in each row.")
        )
    kept = [row for row in rows if len(row) == len(names)]
    said = []
    if media is not None:
        at = place(media, names, name, media_flag)
    else:
        counts = [sum(is_path(row[k], suffixes) for row in kept) for k in range(len(names))]
        at = counts.index(max(counts))
        if not counts[at]:
            raise NoPaths(
                f"{name} has the columns {', '.join(names)}, and none whose cells end in "
                f"{', '.join(suffixes)}. Say which one holds the path by {media_flag} COLUMN."
            )
        said.append(f"path: column {names[at]} (change by {media_flag})")
    what = None
    if labelled:
        if value is not None:
            what = place(value, names, name, value_flag)
        else:
            what = named(names, values, at)
            if what is None:
                what = longest(kept, len(names), at)
            if what is None:
                raise UserError(
                    f"{name} has one column; expected a path and, apart by commas or tabs, what the "
                    "file holds."
                )
            said.append(f"{value_flag.lstrip('-')}: column {names[what]} (change by {value_flag})")
        if what == at:
            raise UserError(
                f"{media_flag} and {value_flag} name the same column of {name}, {names[at]}; "
                "expected two."
            )
    return MediaTable(path, name, names, header, at, what, tuple(said))


def is_path(cell: object, suffixes: Sequence[str]) -> bool:
    """Whether a cell ends as one of such files does."""
    return isinstance(cell, str) and cell.strip().lower().endswith(tuple(suffixes))
