"""Data from Python as files, in a private folder that lives as long as it is read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unroll.counting import counted
from unroll.errors import UserError
from unroll.in_memory.array_file import write_arrays
from unroll.in_memory.cells import as_list, column_of_text, is_missing, needs_json
from unroll.in_memory.forms import MemoryArrays, MemoryData, MemoryTexts, item_kind
from unroll.in_memory.media import write_media
from unroll.in_memory.tables import MemoryTable
from unroll.in_memory.wording import Wording

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
    if task == "tag" and data.names == ("tokens", "tags"):
        return write_tagged(data, folder), ()
    if task in ("translate", "language"):
        return write_pairs(data, folder)
    return write_table(data, folder), ()


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
    """Lists of words with lists of their tags, in columns with an empty line after each."""
    path, starts = folder / f"{STEM}.conll", list[int]()
    lines: list[str] = []
    pairs = zip(
        *(table.columns[table.names.index(name)] for name in ("tokens", "tags")), strict=True
    )
    for row, (tokens, tags) in enumerate(pairs):
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
            lines.append(f"{word}\t{tag}")
        lines.append("")
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


def write_table(table: MemoryTable, folder: Path) -> Wording:
    """A table as .csv, or as .jsonl where cells hold lists or very long texts.

    Sounds and images in its cells become files beside it, named in their place.
    """
    columns: list[list[Any]] = []
    for name, cells in zip(table.names, table.columns, strict=True):
        kind = next((item_kind(cell) for cell in cells if not is_missing(cell)), "missing")
        if kind in ("image", "sound"):
            cells = write_media(cells, kind, name, folder)
        columns.append(column_of_text(cells, f"Column {name} of the {table.kind}"))
    rows = list(zip(*columns, strict=True))
    if needs_json(columns):
        path = folder / f"{STEM}.jsonl"
        lines = [
            json.dumps(dict(zip(table.names, row, strict=True)), ensure_ascii=False) for row in rows
        ]
        starts: Sequence[int] = range(1, len(rows) + 1)
    else:
        path, lines, starts = folder / f"{STEM}.csv", *csv_lines(table.names, rows)
    wording = Wording(path, table.kind, "row", len(table), starts, table.index)
    write_lines(path, lines, wording)
    return wording


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
    path = folder / f"{STEM}.npz"
    wording = Wording(path, data.kind, "sequence", len(data.values), range(1, len(data.values) + 1))
    write_arrays(path, data.values, data.labels)
    return wording


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
