"""Data from Python as files, in a private folder that lives as long as it is read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unroll.counting import counted
from unroll.data.files.forms import find_form
from unroll.data.files.media_paths import AUDIO, IMAGES, VIDEO
from unroll.data.files.separated import Separator
from unroll.errors import UserError
from unroll.in_memory.array_file import read_arrays, write_arrays
from unroll.in_memory.cells import (
    as_list,
    column_of_text,
    holds_times,
    is_missing,
    needs_json,
    with_decimal_point,
)
from unroll.in_memory.forms import MemoryArrays, MemoryData, MemoryTexts, item_kind
from unroll.in_memory.media import write_media
from unroll.in_memory.tables import MemoryTable
from unroll.in_memory.wording import Wording

FILES = (*AUDIO, *IMAGES, *VIDEO, ".csv", ".tsv")
LOOK = 200  # cells that tell whether a column names files
STEM = "data-from-python"  # of the files; it stands in no data


def write_data(
    data: MemoryData, folder: Path, task: str | None, values: Mapping[str, Any]
) -> tuple[Wording, tuple[str, ...]]:
    """Write the file that a task reads.

    Args:
        data: what was given.
        folder: where the file goes, with its sounds and images.
        task: the task, where it is known.
        values: the settings by name.

    Returns:
        How the file is spoken of, its path among it; and what was changed, for people.

    Raises:
        UserError: for what the form of the task cannot hold, with the number of the record.
    """
    if isinstance(data, MemoryTexts):
        return write_texts(data, folder, task, bool(values.get("per_line"))), ()
    if isinstance(data, MemoryArrays):
        return write_arrays_of(data, folder, task), ()
    groups = () if values.get("by") is None else (str(values["by"]),)
    if task == "tag" and data.names in (("tokens", "tags"), ("tokens", "tags", *groups)):
        return write_tagged(data, folder), ()
    if task in ("translate", "language"):
        return write_pairs(data, folder)
    return write_table(data, folder, series=task in ("forecast", None)), ()


def write_texts(data: MemoryTexts, folder: Path, task: str | None, per_line: bool) -> Wording:
    """Texts without labels: documents as JSON lines, lines of a .txt, or tunes of an .abc."""
    if task == "music":
        return write_blocks(data, folder, [text.strip("\n").split("\n") for text in data.texts])
    lines = data.texts
    if per_line:
        row = next((k for k, text in enumerate(lines) if "\n" in text or "\r" in text), None)
        if row is not None:
            raise UserError(
                f"Text {row} of the {data.kind} has a line end; with per_line each text is one line. "
                "Split it, or leave per_line out."
            )
        path = folder / f"{STEM}.txt"
    else:
        path = folder / f"{STEM}.jsonl"
        lines = [json.dumps({"text": text}, ensure_ascii=False) for text in lines]
    wording = Wording(path, data.kind, "text", len(lines), range(1, len(lines) + 1))
    write_lines(path, lines, wording)
    return wording


def write_blocks(data: MemoryTexts, folder: Path, blocks: Sequence[Sequence[str]]) -> Wording:
    """Tunes of several lines each, with an empty line after each."""
    path, starts = folder / f"{STEM}.abc", list[int]()
    lines: list[str] = []
    for block in blocks:
        starts.append(len(lines) + 1)
        lines += [*block, ""]
    wording = Wording(path, data.kind, "tune", len(starts), starts)
    write_lines(path, lines, wording)
    return wording


def write_tagged(table: MemoryTable, folder: Path) -> Wording:
    """Lists of words with lists of their tags, in columns with an empty line after each.

    Where a third column names groups, as JSON lines.
    """
    has_groups = len(table.names) > 2
    path, starts = folder / f"{STEM}.{'jsonl' if has_groups else 'conll'}", list[int]()
    lines: list[str] = []
    for row, (tokens, tags, *group) in enumerate(zip(*table.columns, strict=True)):
        where = f"Sentence {row} of the {table.kind}"
        words, names = as_words(tokens, where), as_words(tags, where)
        if len(words) != len(names):
            raise UserError(
                f"{where} has {len(words)} words and {len(names)} tags; expected one tag for each word."
            )
        if not words:
            raise UserError(f"{where} has no words; expected one or more. Leave it out.")
        starts.append(len(lines) + 1)
        for word, tag in zip(words, names, strict=True):
            if not word.strip() or not tag.strip() or set("\t\n\r\0") & {*word, *tag}:
                raise UserError(
                    f"{where} has the word {word!r} with the tag {tag!r}; expected words and tags "
                    "without tabs and line ends."
                )
            if not has_groups:
                lines.append(f"{word}\t{tag}")
        record = dict(zip(table.names, (words, names, *group), strict=True))
        lines.append(json.dumps(record, ensure_ascii=False) if has_groups else "")
    wording = Wording(path, table.kind, "sentence", len(table), starts, table.index)
    write_lines(path, lines, wording)
    return wording


def as_words(cells: Any, where: str) -> list[str]:
    """The words or tags of a sentence as texts.

    Raises:
        UserError: where they are not in a list.
    """
    if isinstance(cells, str) or is_missing(cells) or not hasattr(cells, "__len__"):
        raise UserError(
            f"{where} holds {cells!r:.40}; expected a list of words and a list of their tags."
        )
    return ["" if is_missing(cell) else str(cell) for cell in as_list(cells)]


def write_pairs(table: MemoryTable, folder: Path) -> tuple[Wording, tuple[str, ...]]:
    """Two columns of texts with a tab between, below their names."""
    columns = [
        column_of_text(column, name)
        for name, column in zip(table.names, table.columns, strict=True)
    ]
    path = folder / f"{STEM}.tsv"
    lines, changed = ["\t".join(table.names)], 0
    for row, cells in enumerate(zip(*columns, strict=True)):
        if any(set("\t\n\r") & set(cell) for cell in cells):
            changed += 1
            cells = tuple(" ".join(cell.split()) for cell in cells)
        if not any(cells):
            raise UserError(
                f"Pair {row} of the {table.kind} is empty; expected two texts. Leave it out."
            )
        lines.append("\t".join(cells))
    wording = Wording(path, table.kind, "pair", len(table), range(2, len(table) + 2), table.index)
    write_lines(path, lines, wording)
    verb = counted(changed, "pair has", "pairs have")
    return wording, ((f"{verb} tabs or line ends, which are read as spaces.",) if changed else ())


def write_table(table: MemoryTable, folder: Path, *, series: bool = False) -> Wording:
    """A table as .csv, or as .jsonl where cells hold lists or very long texts.

    Sounds and images in its cells become files beside it, named in their place.

    Args:
        table: what was given.
        folder: where the file goes.
        series: whether the numbers of a table with times may be series, whose decimal mark the
            reader looks for.
    """
    timed = series and any(holds_times(cells) for cells in table.columns)
    columns: list[Sequence[Any]] = []
    for name, given in zip(table.names, table.columns, strict=True):
        cells: Sequence[Any] = given
        kind = next((item_kind(cell) for cell in cells if not is_missing(cell)), "missing")
        if kind in ("image", "sound"):
            cells = write_media(cells, kind, name, folder)
        elif kind == "text":
            cells = absolute_paths(cells)
        if timed:
            cells = [with_decimal_point(cell) for cell in cells]
        columns.append(column_of_text(cells, f"Column {name} of the {table.kind}"))
    rows = list(zip(*columns, strict=True))
    wording = Wording(folder / f"{STEM}.csv", table.kind, "row", len(table), (), table.index)
    if not needs_json(columns):
        lines, starts = csv_lines(table.names, rows)
        wording = replace(wording, starts=starts)
        write_lines(wording.path, lines, wording)
        form = find_form(wording.path, table.kind)
        if form.separator == Separator(",", quoted=True) and len(table.names) > 1:
            return wording
        wording.path.unlink()  # another separator fits the texts better: names tell what is a cell
    lines = [
        json.dumps(dict(zip(table.names, row, strict=True)), ensure_ascii=False) for row in rows
    ]
    path = folder / f"{STEM}.jsonl"
    wording = replace(wording, path=path, starts=range(1, len(rows) + 1))
    write_lines(path, lines, wording)
    return wording


def absolute_paths(cells: Sequence[Any]) -> Sequence[Any]:
    """Cells that name existing files, from the working folder, as paths that any folder can read."""
    paths = [str(cell).strip() for cell in cells if not is_missing(cell)]
    named = [path for path in paths[:LOOK] if path.lower().endswith(FILES)]
    if 2 * len(named) <= len(paths[:LOOK]) or not any(Path(path).exists() for path in named):
        return cells
    return [cell if is_missing(cell) else str(Path.cwd() / str(cell).strip()) for cell in cells]


def csv_lines(names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[int]]:
    """The lines of a .csv, and the line on which each row begins, from 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    starts, line = [], 1

    def write(cells: Sequence[str]) -> int:
        lines = [one_line_end(cell) for cell in cells]
        writer.writerow(lines)
        return 1 + sum(cell.count("\n") for cell in lines)

    line += write(names)
    for row in rows:
        starts.append(line)
        line += write(row)
    return text.getvalue().removesuffix("\n").split("\n"), starts


def one_line_end(text: str) -> str:
    """A text whose line ends are all a newline, as every file is read."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def write_arrays_of(data: MemoryArrays, folder: Path, task: str | None) -> Wording:
    """Sequences of numbers as a file of arrays."""
    starts = range(1, len(data.values) + 1)
    wording = Wording(folder / f"{STEM}.npz", data.kind, "sequence", len(data.values), starts)
    write_arrays(wording.path, data.values, data.labels)
    if task != "frames" and (task is not None or not read_arrays(wording.path).per_step):
        return wording
    found = read_arrays(wording.path)  # with labels as texts
    lines = ["path,label"] if found.labels is not None else ["path"]
    for row, values in enumerate(found.values):
        name, label = f"sequence-{row}.csv", ""
        text = "\n".join(",".join(map(repr, step)) for step in values.tolist())
        (folder / name).write_text(f"{text}\n")
        if found.labels is not None:
            own = found.labels[row]
            label = f",labels-{row}.txt" if isinstance(own, list) else f",{quoted(own)}"
            if isinstance(own, list):
                (folder / f"labels-{row}.txt").write_text("".join(f"{each}\n" for each in own))
        lines.append(f"{name}{label}")
    wording = replace(wording, path=folder / f"{STEM}.csv", starts=range(2, len(lines) + 1))
    write_lines(wording.path, lines, wording)
    return wording


def quoted(cell: str) -> str:
    """A cell of a .csv with quotes where it needs them."""
    return csv_lines([cell], [])[0][0]


def write_lines(path: Path, lines: Sequence[str], wording: Wording) -> None:
    """Write lines in UTF-8.

    Raises:
        UserError: for a text that UTF-8 cannot encode, with its record.
    """
    try:
        path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    except UnicodeEncodeError:
        for number, line in enumerate(lines, 1):
            if any("\ud800" <= letter <= "\udfff" for letter in line):
                raise UserError(
                    f"{wording.record(number).capitalize()} of the {wording.kind} has half of a "
                    "surrogate pair, which UTF-8 cannot encode. Fix the text."
                ) from None
        raise
