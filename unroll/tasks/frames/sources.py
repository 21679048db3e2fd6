"""Where clips with labels come from: a table that names them, a wide table, a folder a class."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unroll.counting import counted
from unroll.data.columns import LABELS, place
from unroll.data.first_rows import LINES, TABLES, first_rows
from unroll.data.media_table import MediaTable, find_media_table
from unroll.data.problems import Problems
from unroll.data.records import as_word, numbered_lines, table_rows
from unroll.data.series import number
from unroll.errors import UserError
from unroll.tasks.frames.clips import CLIP_FILES
from unroll.tasks.frames.number_rows import NUMBERS, WideTable, find_wide, is_numbers
from unroll.tasks.frames.settings import STILLS, column_of_clips, is_clip, names_clip

KNOWN = ("action", "activity", "gesture", *LABELS)
LISTS = (*NUMBERS, ".txt")  # files of a label a frame


@dataclass(frozen=True)
class ClipRow:
    """name: for people. source: the clip's path, or its numbers [T * F]. label: as the table has it;
    a tuple: of each frame; None where it is a question. group: who is in it. where: file and line."""

    name: str
    source: Path | np.ndarray
    label: str | tuple[str, ...] | None
    group: str | None
    where: str


@dataclass(frozen=True)
class ClipSource:
    """Clips with labels, found from the start as often as wanted; no clip is read by it.

    numbers: whether clips are numbers, not pictures. wide: the table where a row is a clip. video,
    label: the columns, where there are any. said: what was guessed, each with its flag.
    """

    name: str
    numbers: bool
    wide: WideTable | None
    video: str | None
    label: str | None
    said: tuple[str, ...]
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
) -> ClipSource:
    """The clips at a path: a .csv, .tsv or .jsonl, or a folder for each class.

    video, label, by: columns by name or number, None to guess (by: none); label may name several
    with commas. label_names: a file with the names of label 0, 1, 2, ... labelled: whether labels
    are wanted. columns: numbers of a row of a wide table, where they are known.
    Raises: UserError where there is nothing that can be read so.

    Example:
        >>> from pathlib import Path
        >>> from unroll.tasks.frames.sources import find_clips
        >>> _ = Path("clips.csv").write_text("file,action\\na.mp4,walk\\n")
        >>> source = find_clips("clips.csv")
        >>> source.video, source.label
        ('file', 'action')
    """
    place_ = Path(path)
    if place_.is_dir():
        return of_folders(place_)
    if place_.is_file() and not place_.name.lower().endswith((*TABLES, *LINES)):
        raise UserError(
            f"{path} is no table of clips (.csv, .tsv, .jsonl); expected one, or a folder of clips for "
            "each class."
        )
    names = None if label_names is None else read_names(label_names)
    if place_.is_file() and video is None and by is None and not is_lines(place_):
        several = label is not None and "," in label
        wide = None if several else find_wide(place_, label, columns)
        if wide is not None:
            return of_wide(wide, names, guessed=label is None)
    guessed: tuple[str, ...] = ()
    if video is None and (folders := folder_column(place_)) is not None:
        video, guessed = folders, (f"path: column {folders} (change by --video)",)
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
    )
    wanted = [] if by is None else [place(by, table.names, table.name, "--by")]
    more = [place(part, table.names, table.name, "--label") for part in (parts or [])[1:]]
    if not labelled:
        more = []

    def rows(problems: Problems) -> Iterator[ClipRow]:
        for row in table.rows(problems):
            cells = list(row.cells.values())
            said = None if row.value is None else [row.value, *(cells[k] for k in more)]
            if said is not None and not all(said):
                problems.bad(f"{row.where}: a column of --label is empty; expected a label.")
                continue
            word = None if said is None else " ".join(said)
            found = named_labels(word, table.path.parent, names, row.where, problems)
            if word is None or found is not None:
                group = cells[wanted[0]] if wanted else None
                yield ClipRow(cells[table.media], row.path, found, group, row.where)

    first = next(rows(Problems(skip=True)), None)
    numbers = first is not None and isinstance(first.source, Path) and is_numbers(first.source)
    column = label_column(table, [table.value, *more])
    said = (*guessed, *table.guesses)
    return ClipSource(str(path), numbers, None, table.names[table.media], column, said, rows)


def folder_column(path: Path) -> str | None:
    """The named column of a table whose cells name clips, folders of frames among them; None where
    no column does."""
    try:
        rows, names = first_rows(path)
    except (UserError, OSError, ValueError, csv.Error):  # told when it is read
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


def of_wide(wide: WideTable, names: list[str] | None, guessed: bool) -> ClipSource:
    """A row a clip: numbers of all its frames."""

    def rows(problems: Problems) -> Iterator[ClipRow]:
        for line, word, values in wide.rows(problems):
            where = f"{wide.name}, line {line}"
            found = None if word is None else one_name(word, names, where, problems)
            if word is None or found is not None:
                yield ClipRow(f"row {line}", values, found, None, where)

    label = None if wide.label is None else wide.names[wide.label]
    said = () if label is None or not guessed else (f"label: column {label} (change by --label)",)
    return ClipSource(wide.name, True, wide, None, label, said, rows)


def of_folders(folder: Path) -> ClipSource:
    """A folder for each class, with its clips: video files, animations, folders of frames; where it
    has none of them, strips of frames, or tables of numbers."""
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
            f"The folder {folder} does not hold a folder of clips for each class; expected two or "
            f"more, as in {folder}/walk/1.mp4, or a table that names clips."
        )
    clips = {clip for _, clip in found}
    others = [p for paths in inside.values() for p in paths if p not in clips]
    said: tuple[str, ...] = ()
    if others:
        no_clips = counted(len(others), "is no clip by its name", "are no clips by their names")
        said = (f"{no_clips} and left alone, such as {others[0].relative_to(folder)}",)

    def rows(problems: Problems) -> Iterator[ClipRow]:
        for name, clip in found:
            yield ClipRow(str(clip.relative_to(folder)), clip, name, None, str(clip))

    return ClipSource(str(folder), is_numbers(found[0][1]), None, None, None, said, rows)


def is_still(path: Path) -> bool:
    """Whether this is an image."""
    return path.suffix.lower() in STILLS


def named_labels(
    word: str | None, folder: Path, names: list[str] | None, where: str, problems: Problems
) -> str | tuple[str, ...] | None:
    """The label of a cell, or those of the frames in the file that it names; None where it is bad."""
    if word is None:
        return None
    if not word.lower().endswith(LISTS):
        return one_name(word, names, where, problems)
    path = folder / word
    if not path.is_file():
        problems.bad(
            f"{where}: there is no file {word} in {folder}; expected a label a frame in it."
        )
        return None
    try:
        found = [one_name(each, names, at, Problems()) for at, each in frame_labels(path)]
    except UserError as error:
        problems.bad(f"{where}: {error}")
        return None
    return tuple(each for each in found if each is not None)


def frame_labels(path: Path) -> Iterator[tuple[str, str]]:
    """Where each label stands, and the label: a row a frame, in the column that is called so, else
    the last."""
    at, first = -1, True
    ill = Problems(may_skip=False)
    if path.suffix.lower() not in NUMBERS:
        for line, text in numbered_lines(path, str(path), ill):
            if text.strip():
                yield f"{path}, line {line}", text.strip()
        return
    for row in table_rows(path, str(path), ill):
        cells = [as_word(cell).strip() for cell in row.cells]
        lower = [cell.lower() for cell in cells]
        head = next((lower.index(name) for name in KNOWN if name in lower), None)
        if first and head is not None:
            at = head
        elif at >= len(cells) or not cells[at]:
            raise UserError(f"{path}, line {row.line}: no label; expected one a frame.")
        else:
            yield f"{path}, line {row.line}", cells[at]
        first = False


def read_names(path: str) -> list[str]:
    """The names of labels 0, 1, 2, ..., a line each.

    Raises: UserError where there is no such file.
    """
    if not Path(path).is_file():
        raise UserError(f"There is no file {path}; expected the names of labels (label_names).")
    lines = [text.strip() for _, text in numbered_lines(Path(path), path, Problems(may_skip=False))]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def one_name(word: str, names: list[str] | None, where: str, problems: Problems) -> str | None:
    """The name of a label that is a number; None where there is none."""
    if names is None:
        return word
    value = number(word)
    if value is not None and value == int(value) and 0 <= value < len(names):
        return names[int(value)]
    if word in names:
        return word
    problems.bad(
        f"{where}: the label {word!r} has no name; label_names has those of 0 to {len(names) - 1}."
    )
    return None


def is_lines(path: Path) -> bool:
    return path.name.endswith((".jsonl", ".jsonl.gz"))
