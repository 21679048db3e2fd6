"""Find clips with labels: in a table of paths, in a wide table, or in a folder for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from unroll.counting import counted
from unroll.data.columns import LABELS, place
from unroll.data.files.lines import numbered_lines
from unroll.data.files.rows import as_word
from unroll.data.files.tables import open_table
from unroll.data.first_rows import first_rows, is_table
from unroll.data.media_table import MediaTable, RunColumns, find_media_table
from unroll.data.problems import Problems
from unroll.data.series import number
from unroll.errors import UserError
from unroll.tasks.frames.clips import CLIP_FILES
from unroll.tasks.frames.number_rows import NUMBERS, WideTable, find_wide, is_numbers
from unroll.tasks.frames.settings import STILLS, column_of_clips, is_clip, names_clip

KNOWN = ("action", "activity", "gesture", *LABELS)
LABEL_FILES = (*NUMBERS, ".txt")  # files with one label per frame


@dataclass(frozen=True)
class ClipRow:
    """A clip that is not read yet.

    Attributes:
        name: for people.
        source: its path, or its numbers [T * F].
        label: as the table has it; a tuple has one per frame; None where labels are not read.
        group: as the column --by names it; None without that column.
        where: file and line, for people.
    """

    name: str
    source: Path | np.ndarray
    label: str | tuple[str, ...] | None
    group: str | None
    where: str


@dataclass(frozen=True)
class ClipSource:
    """Where clips are found; it reads no clip itself.

    Attributes:
        name: as the user named it.
        numbers: whether clips are numbers, not pictures.
        wide: the table with one row per clip, where it is one.
        video: the column of paths, where there is one.
        label: the columns of the label, where there are any.
        guesses: what was guessed, each with the flag that changes it.
        rows: yields the clips, from the first one each time; bad rows go to its `Problems`.
    """

    name: str
    numbers: bool
    wide: WideTable | None
    video: str | None
    label: str | None
    guesses: tuple[str, ...]
    rows: Callable[[Problems], Iterator[ClipRow]]


def find_clips(
    path: str | Path,
    *,
    video: str | None = None,
    label: str | None = None,
    by: str | None = None,
    label_names: str | None = None,
    labelled: bool = True,
    columns: int | None = None,
    run: RunColumns | None = None,
) -> ClipSource:
    """Find the clips at a path.

    Args:
        path: a .csv, .tsv or .jsonl, or a folder with a folder of clips for each class.
        video: the column of paths, by name or number. Default: guessed.
        label: the column of the label, or several separated by commas. Default: guessed.
        by: the column of the group. Default: no groups.
        label_names: a file with the names of the labels 0, 1, 2, ...
        labelled: whether labels are read.
        columns: numbers in a row of a wide table, where they are known.
        run: the columns of a run, for further data.

    Raises:
        UserError: where there are no clips, or no such columns.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.tasks.frames.sources import find_clips
        >>> _ = Path("clips.csv").write_text("file,action\\na.mp4,walk\\n")
        >>> source = find_clips("clips.csv")
        >>> source.video, source.label
        ('file', 'action')
    """
    file = Path(path)
    if file.is_dir():
        if by is not None:
            raise UserError(
                f"--by got {by!r}; {path} is a folder, which has no columns. Expected a table of "
                "clips, or no --by."
            )
        return find_in_folders(file)
    if file.is_file() and not is_table(file):
        raise UserError(
            f"{path} is not a table of clips; expected a .csv, .tsv or .jsonl, or a folder of clips "
            "for each class."
        )
    names = None if label_names is None else read_names(label_names)
    run = run or RunColumns()
    if label is None and labelled and run.value is not None and "," in run.value:
        label = run.value  # each of several columns must be there
    no_video = video is None and run.media is None
    if file.is_file() and video is None and by is None and not is_json_lines(file):
        several = label is not None and "," in label
        wide = None if several else find_wide(file, label, columns, run if no_video else None)
        if wide is not None:
            return find_in_wide_table(wide, names, is_guessed=label is None)
    guesses: tuple[str, ...] = ()
    if no_video and (folders := folder_column(file)) is not None:
        video, guesses = folders, (f"path: column {folders} (change by --video)",)
    parts = None if label is None else [part.strip() for part in label.split(",")]
    table = find_media_table(
        path,
        video,
        parts[0] if parts else None,
        media_flag="--video",
        value_flag="--label",
        values=KNOWN,
        suffixes=CLIP_FILES,
        labelled=labelled,
        folders=True,
        run=run,
    )
    further = (parts or [])[1:] if labelled else []
    more = [place(part, table.names, table.name, "--label") for part in further]
    group = None if by is None else place(by, table.names, table.name, "--by")
    rows = partial(read_rows, table, more, group, names)
    first = next(rows(Problems(skip=True)), None)
    numbers = first is not None and isinstance(first.source, Path) and is_numbers(first.source)
    column = label_column(table, [table.value, *more])
    guesses = (*guesses, *table.guesses)
    return ClipSource(str(path), numbers, None, table.names[table.media], column, guesses, rows)


def read_rows(
    table: MediaTable,
    more: list[int],
    group: int | None,
    names: list[str] | None,
    problems: Problems,
) -> Iterator[ClipRow]:
    """The clips that a table names.

    Args:
        table: names the clips.
        more: places of further columns of the label.
        group: place of the column of the group; None without it.
        names: of the labels 0, 1, 2, ...; None where labels are names.
        problems: collects bad rows.
    """
    for row in table.rows(problems):
        cells = list(row.cells.values())
        words = None if row.value is None else [row.value, *(cells[k] for k in more)]
        if words is not None and not all(words):
            problems.bad(f"{row.where}: a column of --label is empty; expected a label.")
            continue
        word = None if words is None else " ".join(words)
        label = read_label(word, table.folder, names, row.where, problems)
        if word is None or label is not None:
            own_group = None if group is None else cells[group]
            yield ClipRow(cells[table.media], row.path, label, own_group, row.where)


def folder_column(path: Path) -> str | None:
    """The name of the column whose cells name clips or folders of frames; None where none does."""
    try:
        rows, names = first_rows(path)
    except (UserError, OSError):  # reported when the table is read
        return None
    k = column_of_clips(rows, names, path.parent)
    if k is None:
        return None
    if names is not None:
        return names[k]
    first = rows[0][k].strip() if k < len(rows[0]) else ""
    return None if names_clip(first, path.parent) else first or None


def label_column(table: MediaTable, places: list[int | None]) -> str | None:
    """The columns of the label as --label takes them."""
    found = [table.names[k] for k in places if k is not None]
    return ",".join(found) if found else None


def find_in_wide_table(wide: WideTable, names: list[str] | None, *, is_guessed: bool) -> ClipSource:
    """The clips of a wide table.

    Args:
        wide: the table.
        names: of the labels 0, 1, 2, ...; None where labels are names.
        is_guessed: whether the column of the label was guessed.
    """

    def rows(problems: Problems) -> Iterator[ClipRow]:
        for line, word, values in wide.rows(problems):
            where = f"{wide.name}, line {line}"
            found = None if word is None else name_label(word, names, where, problems)
            if word is None or found is not None:
                yield ClipRow(f"row {line}", values, found, None, where)

    label = None if wide.label is None else wide.names[wide.label]
    guesses: tuple[str, ...] = ()
    if label is not None and is_guessed:
        guesses = (f"label: column {label} (change by --label)",)
    return ClipSource(wide.name, True, wide, None, label, guesses, rows)


def find_in_folders(folder: Path) -> ClipSource:
    """The clips in a folder for each class.

    Clips are video files, animations and folders of frames; where there is none of them, strips of
    frames; where there is no image, tables of numbers.

    Raises:
        UserError: where there are fewer than two classes.
    """
    classes = [p for p in sorted(folder.iterdir()) if p.is_dir() and p.name[0] != "."]
    inside = {
        each.name: [p for p in sorted(each.iterdir()) if p.name[0] != "."] for each in classes
    }
    for kind in (is_clip, is_still, is_numbers):
        found = [(name, p) for name, paths in inside.items() for p in paths if kind(p)]
        if found:
            break
    if len({name for name, _ in found}) < 2:
        raise UserError(
            f"The folder {folder} does not have a folder of clips for each class; expected two or "
            f"more, as in {folder}/walk/1.mp4, or a table that names clips."
        )
    clips = {clip for _, clip in found}
    others = [p for paths in inside.values() for p in paths if p not in clips]
    guesses: tuple[str, ...] = ()
    if others:
        ignored = counted(
            len(others), "file is ignored as its name is", "files are ignored as their names are"
        )
        guesses = (f"{ignored} not that of a clip, such as {others[0].relative_to(folder)}",)

    def rows(problems: Problems) -> Iterator[ClipRow]:
        for name, clip in found:
            yield ClipRow(str(clip.relative_to(folder)), clip, name, None, str(clip))

    return ClipSource(str(folder), is_numbers(found[0][1]), None, None, None, guesses, rows)


def is_still(path: Path) -> bool:
    """Whether this is the name of an image."""
    return path.suffix.lower() in STILLS


def read_label(
    word: str | None, folder: Path, names: list[str] | None, where: str, problems: Problems
) -> str | tuple[str, ...] | None:
    """The label of a cell, or those of the frames in a file that it names.

    Args:
        word: the cell; None where labels are not read.
        folder: where relative paths begin.
        names: of the labels 0, 1, 2, ...; None where labels are names.
        where: file and line, for people.
        problems: collects bad labels.

    Returns:
        None where there is no label, or a bad one.
    """
    if word is None:
        return None
    if not word.lower().endswith(LABEL_FILES):
        return name_label(word, names, where, problems)
    path = folder / word
    if not path.is_file():
        problems.bad(
            f"{where}: there is no file {word} in {folder}; expected a file with one label per frame."
        )
        return None
    try:
        found = [name_label(each, names, at, Problems()) for at, each in read_frame_labels(path)]
    except UserError as error:
        problems.bad(f"{where}: {error}")
        return None
    return tuple(each for each in found if each is not None)


def read_frame_labels(path: Path) -> Iterator[tuple[str, str]]:
    """The file and line of each label, and the label, from a file with one row per frame.

    The label is in the column with a likely name, else in the last column.

    Raises:
        UserError: where a row has no label.
    """
    at, first = -1, True
    problems = Problems(may_skip=False)
    if path.suffix.lower() not in NUMBERS:
        for line, text in numbered_lines(path, str(path), problems):
            if text.strip():
                yield f"{path}, line {line}", text.strip()
        return
    for row in open_table(path).rows(problems):
        cells = [as_word(cell).strip() for cell in row.cells]
        lower = [cell.lower() for cell in cells]
        head = next((lower.index(name) for name in KNOWN if name in lower), None)
        if first and head is not None:
            at = head
        elif at >= len(cells) or not cells[at]:
            raise UserError(f"{path}, line {row.line}: no label; expected one per frame.")
        else:
            yield f"{path}, line {row.line}", cells[at]
        first = False


def read_names(path: str) -> list[str]:
    """The names of the labels 0, 1, 2, ..., one per line.

    Raises:
        UserError: where there is no such file.
    """
    if not Path(path).is_file():
        raise UserError(
            f"There is no file {path}; expected a file with the names of the labels (label_names)."
        )
    lines = [text.strip() for _, text in numbered_lines(Path(path), path, Problems(may_skip=False))]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def name_label(word: str, names: list[str] | None, where: str, problems: Problems) -> str | None:
    """The name of a label that may be a number; None where it has none, which `problems` takes."""
    if names is None:
        return word
    value = number(word)
    if value is not None and value == int(value) and 0 <= value < len(names):
        return names[int(value)]
    if word in names:
        return word
    problems.bad(
        f"{where}: the label {word!r} has no name; label_names has names for 0 to {len(names) - 1}."
    )
    return None


def is_json_lines(path: Path) -> bool:
    """Whether this is the name of a .jsonl."""
    return path.name.endswith((".jsonl", ".jsonl.gz"))
