"""Tables whose rows name a media file (a sound, an image, a clip) and its text or label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unroll.counting import counted, listed
from unroll.data.columns import longest, named, place
from unroll.data.files.regular_files import kind_of_path
from unroll.data.files.rows import as_word
from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.data.records import LOOK
from unroll.errors import UserError

AUDIO = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".opus")
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
VIDEO = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".mpg", ".mpeg", ".m4v")


class NoPaths(UserError):
    """A table without a column of paths to files of the expected kind."""


@dataclass(frozen=True)
class MediaRow:
    """A row of a media table.

    Attributes:
        path: of the media file; a relative path begins at the folder of the table.
        value: its text or label; None where the table has no such column.
        where: file and line of the row, for people.
        cells: every cell, by the name of its column.
    """

    path: Path
    value: str | None
    where: str
    cells: dict[str, str]


@dataclass(frozen=True)
class MediaTable:
    """A table whose columns are known.

    Attributes:
        path: of the table.
        name: the table as the user named it.
        names: of its columns, or their numbers where it has no header.
        header: whether the first row holds the names.
        media: place of the column of paths, from 0.
        value: place of the column of texts or labels; None where there is none.
        guesses: what was guessed, each with the flag that changes it.
        folders: whether a path may lead to a folder.
    """

    path: Path
    name: str
    names: tuple[str, ...]
    header: bool
    media: int
    value: int | None
    guesses: tuple[str, ...]
    folders: bool = False

    def rows(self, problems: Problems) -> Iterator[MediaRow]:
        """The rows, in order.

        Args:
            problems: collects bad rows: without a file, without a value, of another width, or with a
                path that leads to a pipe, a device or a folder.
        """
        for k, row in enumerate(open_table(self.path, self.name).rows(problems)):
            where = f"{self.name}, line {row.line}"
            if k == 0 and self.header:
                continue
            if len(row.cells) != len(self.names):
                problems.bad(
                    f"{where}: {counted(len(row.cells), 'column')} where {len(self.names)} are "
                    f"expected ({listed(self.names)})."
                )
                continue
            cells = [as_word(cell).strip() for cell in row.cells]
            word = cells[self.media]
            path = self.path.parent / word
            kind = kind_of_path(path) if word else None
            if not word:
                problems.bad(f"{where}: no path; expected one in column {self.names[self.media]}.")
            elif kind is None:
                problems.bad(
                    f"{where}: there is no file {word:.200} in {self.path.parent}; expected a path "
                    "relative to the folder of the table."
                )
            elif kind != "a file" and not (self.folders and kind == "a folder"):
                problems.bad(f"{where}: {word:.200} is {kind}; expected the path of a file.")
            elif self.value is not None and not cells[self.value]:
                problems.bad(
                    f"{where}: column {self.names[self.value]} is empty; expected a value for {word}."
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
    folders: bool = False,
) -> MediaTable:
    """Find which column of a table holds the path of a file, and which its text or label.

    Args:
        path: a .csv, .tsv or .jsonl.
        media: the column of paths, by name or by number from 1. Default: guessed.
        value: the column of texts or labels, by name or number. Default: guessed.
        media_flag: the option that names the column of paths: "--audio".
        value_flag: the option that names the other column: "--text".
        values: likely names of the other column, the most frequent first. Where the table has none
            of them, the column with the longest cells is taken.
        suffixes: of the paths. A folder counts too where its column is named.
        labelled: whether a column of texts or labels is required.
        folders: whether a path may lead to a folder.

    Raises:
        NoPaths: where no column holds such paths.
        UserError: where there is no table, or no column of that name.

    Examples:
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
    first = read_first_rows(path, name, (media, value), suffixes)
    guesses = []
    media_place = None if media is None else place(media, first.names, name, media_flag)
    if media_place is None:
        media_place = guess_media(first, name, media_flag, suffixes)
        guesses.append(f"path: column {first.names[media_place]} (change by {media_flag})")
    value_place = None
    if labelled and value is not None:
        value_place = place(value, first.names, name, value_flag)
    elif labelled:
        value_place = guess_value(first, name, values, media_place)
        what = value_flag.lstrip("-")
        guesses.append(f"{what}: column {first.names[value_place]} (change by {value_flag})")
    if value_place == media_place:
        raise UserError(
            f"{media_flag} and {value_flag} name the same column of {name}, "
            f"{first.names[media_place]}; expected two columns."
        )
    return MediaTable(
        path, name, first.names, first.header, media_place, value_place, tuple(guesses), folders
    )


@dataclass(frozen=True)
class FirstMediaRows:
    """The first rows of a table, from which its columns are guessed.

    Attributes:
        names: of the columns, or their numbers where the table has no header.
        header: whether the first row holds the names.
        rows: those with a cell for each column, without the header.
    """

    names: tuple[str, ...]
    header: bool
    rows: list[list[str]]


def read_first_rows(
    path: Path, name: str, given: tuple[str | None, str | None], suffixes: Sequence[str]
) -> FirstMediaRows:
    """The first rows of a table.

    Args:
        path: of the table.
        name: the table as the user named it.
        given: the columns that the user named.
        suffixes: of paths; a first row with such a path is no header.

    Raises:
        UserError: where the table has no record.
    """
    problems = Problems(skip=True)
    table = open_table(path, name)
    rows = table.first_rows(LOOK, problems)
    if table.names is not None:
        names, header = table.names, False
    else:
        first = tuple(cell.strip() for cell in rows[0]) if rows else ()
        is_named = any(word in first and not word.isdigit() for word in given if word)
        header = is_named or not any(is_path(cell, suffixes) for cell in first)
        names = first if header else tuple(str(k + 1) for k in range(len(first)))
        rows = rows[1:] if header else rows
    if not rows or not names:
        sentence = f"{name} has no record; expected the path of a file in each row."
        raise UserError(problems.with_messages(sentence))
    return FirstMediaRows(names, header, [row for row in rows if len(row) == len(names)])


def guess_media(first: FirstMediaRows, name: str, media_flag: str, suffixes: Sequence[str]) -> int:
    """The place of the column with the most paths.

    Raises:
        NoPaths: where no column has a path.
    """
    columns = range(len(first.names))
    counts = [sum(is_path(row[k], suffixes) for row in first.rows) for k in columns]
    found = counts.index(max(counts))
    if not counts[found]:
        raise NoPaths(
            f"{name} has the columns {listed(first.names)}, and none whose cells end in "
            f"{', '.join(suffixes)}. Name the column of the path by {media_flag} COLUMN."
        )
    return found


def guess_value(first: FirstMediaRows, name: str, values: Sequence[str], media_place: int) -> int:
    """The place of the column of texts or labels: by a likely name, else the longest cells.

    Raises:
        UserError: where there is no column beside the paths.
    """
    found = named(first.names, values, media_place)
    if found is None:
        found = longest(first.rows, len(first.names), media_place)
    if found is None:
        raise UserError(
            f"{name} has one column; expected two, separated by commas or tabs: a path, and the "
            "text or label of the file."
        )
    return found


def is_path(cell: object, suffixes: Sequence[str]) -> bool:
    """Whether a cell ends in one of these suffixes."""
    return isinstance(cell, str) and cell.strip().lower().endswith(tuple(suffixes))
