"""Where labelled records come from: a table, or a folder for each class; texts or numbers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np

from unroll.counting import listed
from unroll.data.columns import LABELS, TEXTS, holds_names, lacks_column, place
from unroll.data.files.forms import suffix_of
from unroll.data.files.rows import as_word
from unroll.data.first_rows import first_rows
from unroll.data.problems import Problems
from unroll.data.records import (
    TABLE_SUFFIXES,
    Record,
    Table,
    class_files,
    find_table,
    folder_texts,
    labelled_texts,
)
from unroll.data.series import (
    LARGEST,
    LOOK,
    clock_columns,
    folder_columns,
    folder_sequences,
    number,
    table_sequences,
)
from unroll.data.text import TEXT_SUFFIXES
from unroll.errors import UserError
from unroll.in_memory.array_file import is_array_file, read_arrays
from unroll.tasks.classify.settings import ClassifySettings

log = logging.getLogger("unroll")


@dataclass(frozen=True)
class ClassifySource:
    """Labelled records, which can be read from the start any number of times.

    Attributes:
        name: the path, as the user gave it.
        number_columns: the columns of sequences of numbers; None where the records are texts.
        guesses: what was guessed, each with the flag that changes it.
        text: the name of the column of the text, where there is one.
        label: the name of the column of the label, where there is one.
        read: takes `Problems` for bad records; returns the records, one after the other.
        are_named: whether the columns of numbers have names, not only places.
    """

    name: str
    number_columns: tuple[str, ...] | None
    guesses: tuple[str, ...]
    text: str | None
    label: str | None
    read: Callable[[Problems], Iterator[Record]]
    are_named: bool = True


def find_source(
    path: str | Path, settings: ClassifySettings, *, labelled: bool = True
) -> ClassifySource:
    """The records at a path.

    Args:
        path: a .csv, .tsv or .jsonl (or a .gz of one), or a folder for each class.
        settings: the columns `text`, `label`, `id` and `columns`, where they are known, and the
            separator of several labels. A column that is None is guessed.
        labelled: whether the records must have labels.

    Raises:
        UserError: where there is nothing that can be read so.
    """
    where = Path(path)
    if settings.by is not None and (where.is_dir() or is_array_file(where)):
        raise UserError(
            f"--by={settings.by} names a column of groups, and {path} has no columns; expected a table. "
            "Leave it out."
        )
    if where.is_dir():
        return folder_source(where, settings)
    if not where.exists():
        raise UserError(
            f"There is no file or folder {path}; expected a table of texts with labels. Check the "
            f"path, from {Path.cwd()}."
        )
    if is_array_file(where):
        return array_source(where, labelled)
    if settings.id is not None:
        return sequences_source(where, settings, settings.id, labelled)
    table = find_table(where, settings.text, settings.label, labelled=labelled)
    found = table.columns
    by = group_place(settings, table)
    return ClassifySource(
        name=str(path),
        number_columns=None,
        guesses=(*table.source.said, *found.said),
        text=None if found.text is None else found.names[found.text],
        label=None if found.label is None else found.names[found.label],
        read=lambda problems: labelled_texts(table, problems, settings.separator, by),
    )


def validation_source(settings: ClassifySettings, training: ClassifySource) -> ClassifySource:
    """The records of `--valid`, in the columns of the training data unless others were given.

    Raises:
        UserError: where there is nothing that can be read so.
    """
    columns = {
        "columns": settings.columns or join_columns(training),
        "text": settings.text or training.text,
        "label": settings.label or training.label,
        "by": None,
    }
    return find_source(settings.valid or "", settings.model_copy(update=columns))


def new_source(
    path: str,
    settings: ClassifySettings,
    *,
    labelled: bool,
    text: str | None = None,
    label: str | None = None,
    by: str | None = None,
    named: Collection[str] = (),
) -> ClassifySource:
    """New data for a trained run: in the run's columns.

    Data without names is read by what its columns hold. A column of another name is read where the
    user named none in training and its name tells what it is; that is logged.

    Args:
        path: as for `find_source`.
        settings: those of the run, with the columns of its training data.
        labelled: whether the records must have labels.
        text: the column of the text, where it was given for this data.
        label: the column of the label, where it was given for this data.
        by: the column of the groups, where it was given for this data.
        named: the settings that the user gave in training.

    Raises:
        UserError: where a column of the run or a given one is missing, or nothing can be guessed.
    """

    def find(text: str | None, label: str | None) -> ClassifySource:
        columns = settings.model_copy(update={"text": text, "label": label, "by": by})
        return find_source(path, columns, labelled=labelled)

    try:
        return find(text or settings.text, label or settings.label)
    except UserError:
        is_given = text is not None or label is not None
        others = [(settings.text, None), (None, settings.label), (None, None)]
        for other_text, other_label in [] if is_given else others:
            found = None
            with suppress(UserError):
                found = find(other_text, other_label)
            if found is not None:
                if settings.text is not None and found.text is not None and found.text.isdigit():
                    refuse_other_names(path, settings.text)
                check_other_column("text", settings.text, found.text, TEXTS, path, named)
                check_other_column("label", settings.label, found.label, LABELS, path, named)
                return found
        raise


def refuse_other_names(path: str, wanted: str) -> None:
    """Refuse a table whose first row plainly holds names, and none is that of the text.

    Args:
        path: of the data.
        wanted: the column of the text in training, by its name or number.

    Raises:
        UserError: with the column that is expected.
    """
    rows, names = first_rows(Path(path))
    if names is None and not wanted.isdigit() and holds_names(rows):
        raise lacks_column(path, [cell.strip() for cell in rows[0]], "text", wanted)


def check_other_column(
    setting: str,
    wanted: str | None,
    found: str | None,
    known: Sequence[str],
    path: str,
    named: Collection[str],
) -> None:
    """Refuse a column that is another one than that of training, unless its name tells what it is.

    Args:
        setting: what names the column: "text" or "label".
        wanted: the column of training. None: there was none.
        found: what was guessed in its place; a number where the data has no names.
        known: names that tell what the column is.
        path: of the data, for sentences.
        named: the settings that the user gave in training.

    Raises:
        UserError: with the column that is expected.
    """
    if wanted is None or found is None or found == wanted or found.isdigit():
        return
    if setting in named or found.lower() not in known:
        raise UserError(
            f"{path} has no column {wanted!r}, which the run reads as its {setting}; expected it, as in "
            f"training. Rename the column, or name another by --{setting} (unroll eval; "
            f"run.evaluate: {setting}=)."
        )
    log.warning(
        f"{path} has no column {wanted!r}; column {found!r} is read as the {setting} (rename it to "
        f"{wanted!r}, or for unroll eval: --{setting})."
    )


def folder_source(folder: Path, settings: ClassifySettings) -> ClassifySource:
    """A folder for each class, with texts or with tables of numbers.

    Args:
        folder: with the folders.
        settings: the columns of the numbers, where they are known.

    Raises:
        UserError: where there are fewer than two classes.
    """
    inside = [p for p in folder.rglob("*") if p.is_file()]
    tables = sum(suffix_of(p) in TABLE_SUFFIXES for p in inside)
    texts = sum(suffix_of(p) in TEXT_SUFFIXES for p in inside)
    guesses: tuple[str, ...] = ("label: the name of each folder",)
    if tables <= texts:
        class_files(folder, TEXT_SUFFIXES)
        return ClassifySource(
            name=str(folder),
            number_columns=None,
            guesses=guesses,
            text=None,
            label=None,
            read=lambda problems: folder_texts(folder, problems),
        )
    wanted = [] if settings.columns is None else settings.columns.split(",")
    names, out = folder_columns(folder, [word.strip() for word in wanted])
    return ClassifySource(
        name=str(folder),
        number_columns=tuple(names),
        guesses=(
            *guesses,
            f"numbers: {', '.join(names)}, one table per sequence",
            *said_left_out(out),
        ),
        text=None,
        label=None,
        read=lambda problems: folder_sequences(folder, names, problems),
    )


def array_source(path: Path, labelled: bool) -> ClassifySource:
    """The sequences of a file of arrays.

    Args:
        path: a .npz or .npy.
        labelled: whether the sequences must have labels.

    Raises:
        UserError: where they have none, or the file holds no such arrays.
    """
    found = read_arrays(path)
    if labelled and (found.labels is None or found.per_step):
        got = "one label for each step" if found.per_step else "no labels"
        raise UserError(
            f"{path} holds {got}; expected one for each sequence, as numpy.savez(file, X=..., y=...) "
            "writes them. (--task frames labels each step.)"
        )
    labels = found.labels if labelled else None

    def read(problems: Problems) -> Iterator[Record]:
        for k, values in enumerate(found.values):
            where = f"{path}, sequence {k}"
            wrong = np.argwhere(~(np.abs(values) <= LARGEST))
            if len(wrong):
                step, column = wrong[0].tolist()
                problems.bad(f"{where}: step {step} has {values[step, column]} at place {column}.")
            elif not len(values):
                problems.bad(f"{where}: it has no steps; expected one or more.")
            elif labels is not None and labels[k] in ("", "nan"):
                problems.bad(f"{where}: no label; expected one.")
            else:
                yield Record(values, () if labels is None else (str(labels[k]),), where)

    return ClassifySource(
        name=str(path),
        number_columns=tuple(str(k + 1) for k in range(found.values[0].shape[1])),
        guesses=found.guesses,
        text=None,
        label=None,
        read=read,
        are_named=False,
    )


def sequences_source(
    path: Path, settings: ClassifySettings, id: str, labelled: bool
) -> ClassifySource:
    """One long table with the numbers of all sequences, one row per time step.

    Args:
        path: a .csv or .tsv.
        settings: the columns of the label and of the numbers, where they are known.
        id: the column that names the sequence.
        labelled: whether the sequences must have labels.

    Raises:
        UserError: where a column is missing or does not hold numbers.
    """
    table = find_table(path, None, settings.label, labelled=labelled, id=id)
    names, label = table.columns.names, table.columns.label
    id_place = place(id, names, table.name, "--set id")
    by = group_place(settings, table)
    chosen, out = without_clocks(table, id_place)
    chosen, out = ([k for k in each if k != by] for each in (chosen, out))
    if settings.columns is not None:
        words = settings.columns.split(",")
        chosen = [place(word.strip(), names, table.name, "--set columns") for word in words]
        out = []
    first = next(table.rows(Problems(skip=True)), None)
    wrong = [names[k] for k in chosen if first is not None and number(first.cells[k]) is None]
    if wrong or not chosen or first is None:
        trouble = f"column {wrong[0]} does not hold numbers" if wrong else "no column holds numbers"
        raise UserError(
            f"{path}: {trouble}; the columns are {listed(names)}. Name those of the numbers by "
            "--set columns=a,b."
        )
    columns = [names[k] for k in chosen]
    return ClassifySource(
        name=str(path),
        number_columns=tuple(columns),
        guesses=(
            f"numbers: {', '.join(columns)} (change by --set columns)",
            *said_left_out([names[k] for k in out]),
            *table.source.said,
            *table.columns.said,
        ),
        text=None,
        label=None if label is None else names[label],
        read=lambda problems: table_sequences(table, id_place, chosen, problems, by),
    )


def group_place(settings: ClassifySettings, table: Table) -> int | None:
    """The place of the column of groups, where one is named.

    Raises:
        UserError: where the table does not have it.
    """
    return (
        None if settings.by is None else place(settings.by, table.columns.names, table.name, "--by")
    )


def without_clocks(table: Table, id: int) -> tuple[list[int], list[int]]:
    """The columns of numbers of a long table: all but those that are times or only grow.

    Args:
        table: knows the column of the label.
        id: the column that names the sequence.

    Returns:
        The places of the columns, and of those that are left out.
    """
    label, rows = table.columns.label, islice(table.rows(Problems(skip=True)), LOOK)
    cells = ([as_word(cell) for cell in row.cells] for row in rows)
    tables = [list(own) for _, own in groupby(cells, key=lambda row: row[id])]
    places = [k for k in range(len(table.columns.names)) if k not in (id, label)]
    out = clock_columns(tables, places)
    return [k for k in places if k not in out], out


def said_left_out(names: list[str]) -> list[str]:
    """Which columns are left out as times, and how they are brought back."""
    if not names:
        return []
    return [f"left out: {', '.join(names)}, which only tells when (bring back by --set columns)"]


def join_columns(source: ClassifySource) -> str | None:
    """The columns of numbers as the setting `columns` takes them; None where they have no names."""
    return ",".join(source.number_columns or ()) or None if source.are_named else None
