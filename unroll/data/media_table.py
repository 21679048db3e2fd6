"""Tables whose rows name a media file (a sound, an image, a clip) and its text or label."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unroll.counting import counted, listed
from unroll.data.columns import lacks_column, longest, named, place, read_in_place
from unroll.data.files.media_paths import (
    OWN_TEXTS,
    OWN_WORDS,
    MediaPaths,
    find_media_paths,
    has_suffix,
    own_word,
)
from unroll.data.files.opening import regular_file
from unroll.data.files.regular_files import kind_of_path
from unroll.data.files.rows import TableRows
from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.data.records import LOOK
from unroll.errors import UserError


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
        table: its rows.
        names: of its columns, or their numbers where it has no header.
        header: whether the first row holds the names.
        media: place of the column of paths, from 0.
        value: place of the column of texts or labels; None where there is none.
        guesses: what was guessed, each with the flag that changes it.
        paths: how the words of the column of paths lead to files.
        folders: whether a path may lead to a folder.
        several: whether a cell may hold a list of texts, each of which is a row.
    """

    table: TableRows
    names: tuple[str, ...]
    header: bool
    media: int
    value: int | None
    guesses: tuple[str, ...]
    paths: MediaPaths
    folders: bool = False
    several: bool = False

    @property
    def name(self) -> str:
        """The table as the user named it."""
        return self.table.name

    @property
    def folder(self) -> Path:
        """Of the table."""
        return self.paths.folder

    def rows(self, problems: Problems) -> Iterator[MediaRow]:
        """The rows, in order.

        Args:
            problems: collects bad rows: without a file, without a value, of another width, or with a
                path that leads to a pipe, a device or a folder.
        """
        for k, row in enumerate(self.table.rows(problems)):
            where = f"{self.name}, line {row.line}"
            if k == 0 and self.header:
                continue
            if len(row.cells) != len(self.names):
                problems.bad(
                    f"{where}: {counted(len(row.cells), 'column')} where {len(self.names)} are "
                    f"expected ({listed(self.names)})."
                )
                continue
            values = [row.cells[self.value]] if self.value is not None else [None]
            if self.several and isinstance(values[0], list):
                values = values[0] or [""]
            for value in values:
                found = self.media_row(row.cells, value, where, problems)
                if found is not None:
                    yield found

    def media_row(
        self, row: Sequence[Any], value: Any, where: str, problems: Problems
    ) -> MediaRow | None:
        """A row with one value; None where it is bad, which `problems` takes.

        Args:
            row: its cells.
            value: its text or label; None where the table has none.
            where: file and line, for people.
            problems: collects bad rows.
        """
        cells = [own_word(cell, OWN_WORDS).strip() for cell in row]
        word = cells[self.media]
        path = self.paths.find(word)
        kind = kind_of_path(path) if word else None
        text = own_word(value, OWN_TEXTS).strip()
        if not word:
            problems.bad(f"{where}: no path; expected one in column {self.names[self.media]}.")
        elif kind is None:
            problems.bad(
                f"{where}: there is no file {word:.200} in {self.folder}; expected a path "
                "relative to the folder of the table."
            )
        elif kind != "a file" and not (self.folders and kind == "a folder"):
            problems.bad(f"{where}: {word:.200} is {kind}; expected the path of a file.")
        elif self.value is not None and not text:
            problems.bad(
                f"{where}: column {self.names[self.value]} is empty; expected a value for {word:.200}."
            )
        else:
            named_cells = dict(zip(self.names, cells, strict=True))
            return MediaRow(path, None if self.value is None else text, where, named_cells)
        return None


@dataclass(frozen=True)
class RunColumns:
    """The columns that a run reads, which further data should have.

    Attributes:
        media: the column of paths, by its name, or its number where the training data had no names.
        value: the column of texts or labels.
        named: the settings that the user gave in training.
    """

    media: str | None = None
    value: str | None = None
    named: Collection[str] = ()

    def place_of(
        self, setting: str, first: FirstMediaRows, table: str, possible: Sequence[int]
    ) -> int | None:
        """The place of one of them in a further table; None where the table has no names.

        Where the user named no column in training, the only possible one is read; that is told.

        Args:
            setting: what names the column; one of paths is none of texts.
            first: the first rows of the table.
            table: its name, in errors.
            possible: the places that may be meant.

        Raises:
            UserError: where it is missing, and another one would be a guess.
        """
        wanted = self.value if setting in ("text", "label") else self.media
        if wanted is None:
            return None
        if wanted in first.names:
            return first.names.index(wanted)
        if wanted.isdigit():
            return int(wanted) - 1 if 1 <= int(wanted) <= len(first.names) else None
        if not first.named:
            return None
        if len(possible) == 1 and (setting not in self.named or len(first.names) == 1):
            read_in_place(table, setting, wanted, first.names[possible[0]])
            return possible[0]
        raise lacks_column(table, first.names, setting, wanted)


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
    several: bool = False,
    open_rows: Callable[[Path, str], TableRows] = open_table,
    run: RunColumns | None = None,
) -> MediaTable:
    """Find which column of a table holds the path of a file, and which its text or label.

    Paths may begin at the folder of the table, at a folder in it or beside it (clips/, ../images/),
    or on another machine; they may be written as Windows does, and lack their suffix.

    Args:
        path: a table of any form.
        media: the column of paths, by name or by number from 1. Default: guessed.
        value: the column of texts or labels, by name or number. Default: guessed.
        media_flag: the option that names the column of paths: "--audio".
        value_flag: the option that names the other column: "--text".
        values: likely names of the other column, the most frequent first. Where the table has none
            of them, the column with the longest cells is taken.
        suffixes: of the paths. A folder counts too where its column is named.
        labelled: whether a column of texts or labels is required.
        folders: whether a path may lead to a folder.
        several: whether a cell may hold a list of texts, each of which is a row.
        open_rows: opens the table.
        run: the columns of a run, for further data: they take the place of those that are not given.

    Raises:
        NoPaths: where no column holds such paths.
        UserError: where there is no table, or no column of that name.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.data.files.media_paths import IMAGES
        >>> from unroll.data.media_table import find_media_table
        >>> _ = Path("captions.csv").write_text("image,caption\\na.png,A cat.\\n")
        >>> table = find_media_table(
        ...     "captions.csv", media_flag="--image", value_flag="--text", values=["caption"],
        ...     suffixes=IMAGES)
        >>> table.names[table.media], table.names[table.value]
        ('image', 'caption')
    """
    name = str(path)
    path = regular_file(path, name, "a table that names a file in each row")
    table = open_rows(path, name)
    run = run or RunColumns()
    first = read_first_rows(table, (media, value, run.media, run.value), suffixes)
    guesses = list(table.said)
    media_place = None if media is None else place(media, first.names, name, media_flag)
    if media_place is None and run.media is not None:
        possible = places_of_paths(first, table, suffixes, folders)
        media_place = run.place_of(media_flag.lstrip("-"), first, name, possible)
    if media_place is None:
        media_place = guess_media(first, table, media_flag, suffixes)
        guesses.append(f"path: column {first.names[media_place]} (change by {media_flag})")
    words = [row[media_place].strip() for row in first.rows]
    paths = find_media_paths(words, table.folder, suffixes, folders) or MediaPaths(table.folder)
    guesses += paths.messages(media_flag)
    value_place = None
    if labelled and value is not None:
        value_place = place(value, first.names, name, value_flag)
    elif labelled:
        others = [k for k in range(len(first.names)) if k != media_place]
        value_place = run.place_of(value_flag.lstrip("-"), first, name, others)
    if labelled and value_place is None:
        value_place = guess_value(first, name, values, media_place)
        what = value_flag.lstrip("-")
        guesses.append(f"{what}: column {first.names[value_place]} (change by {value_flag})")
    if value_place == media_place:
        raise UserError(
            f"{media_flag} and {value_flag} name the same column of {name}, "
            f"{first.names[media_place]}; expected two columns."
        )
    return MediaTable(
        table, first.names, first.header, media_place, value_place, tuple(guesses), paths, folders,
        several,
    )  # fmt: skip


@dataclass(frozen=True)
class FirstMediaRows:
    """The first rows of a table, from which its columns are guessed.

    Attributes:
        names: of the columns, or their numbers where the table has no header.
        header: whether the first row holds the names.
        named: whether the columns have names.
        rows: those with a cell for each column, without the header.
    """

    names: tuple[str, ...]
    header: bool
    named: bool
    rows: list[list[str]]


def read_first_rows(
    table: TableRows, given: Sequence[str | None], suffixes: Sequence[str]
) -> FirstMediaRows:
    """The first rows of a table.

    Args:
        table: the table.
        given: the columns that the user named.
        suffixes: of paths; a first row with such a path is no header.

    Raises:
        UserError: where the table has no record.
    """
    problems = Problems(skip=True)
    rows: list[list[str]] = []
    for row in table.rows(problems):
        rows.append([own_word(cell, OWN_WORDS) for cell in row.cells])
        if len(rows) == LOOK:
            break
    if table.names is not None:
        names, header = table.names, False
    else:
        first = tuple(cell.strip() for cell in rows[0]) if rows else ()
        is_given = any(word in first and not word.isdigit() for word in given if word)
        header = is_given or not is_record(first, rows[1:], table.folder, suffixes)
        names = first if header else tuple(str(k + 1) for k in range(len(first)))
        rows = rows[1:] if header else rows
    if not rows or not names:
        sentence = f"{table.name} has no record; expected the path of a file in each row."
        raise UserError(problems.with_messages(sentence))
    is_named = header or table.names is not None
    return FirstMediaRows(names, header, is_named, [row for row in rows if len(row) == len(names)])


def places_of_paths(
    first: FirstMediaRows, table: TableRows, suffixes: Sequence[str], folders: bool
) -> list[int]:
    """The places of all columns whose cells are paths, or lead to files; of a single column that.

    Args:
        first: the first rows.
        table: whose rows they are.
        suffixes: of the paths.
        folders: whether a path may lead to a folder.
    """
    columns = range(len(first.names))
    found = []
    for k in columns:
        words = [row[k].strip() for row in first.rows]
        is_path = any(has_suffix(word, suffixes) for word in words)
        if is_path or find_media_paths(words, table.folder, suffixes, folders) is not None:
            found.append(k)
    return found if len(columns) > 1 else [0]


def is_record(
    first: Sequence[str], rows: Sequence[Sequence[str]], folder: Path, suffixes: Sequence[str]
) -> bool:
    """Whether a first row holds no names, as one of its cells leads to a file as those below it do.

    Args:
        first: the first row.
        rows: the rows after it.
        folder: of the table.
        suffixes: of the paths.
    """
    if any(has_suffix(cell, suffixes) for cell in first):
        return True
    even = [row for row in rows if len(row) == len(first)]
    if any(has_suffix(cell, suffixes) for row in even for cell in row):
        return False
    for k, word in enumerate(first):
        paths = find_media_paths([row[k].strip() for row in even], folder, suffixes)
        if paths is not None:
            return kind_of_path(paths.find(word)) == "a file"
    return False


def guess_media(
    first: FirstMediaRows, table: TableRows, media_flag: str, suffixes: Sequence[str]
) -> int:
    """The place of the column with the most paths; else of a first one whose words lead to files.

    Raises:
        NoPaths: where no column has a path.
    """
    columns = range(len(first.names))
    counts = [sum(has_suffix(row[k], suffixes) for row in first.rows) for k in columns]
    found = counts.index(max(counts))
    if counts[found]:
        return found
    for k in columns:
        words = [row[k].strip() for row in first.rows]
        if find_media_paths(words, table.folder, suffixes) is not None:
            return k
    raise NoPaths(
        f"{table.name} has the columns {listed(first.names)}, and none whose cells end in "
        f"{listed(suffixes[:4])} and so on. Name the column of the path by {media_flag} COLUMN."
    )


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
