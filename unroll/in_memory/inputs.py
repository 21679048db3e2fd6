"""Inputs for predictions from Python: one or several, each as it is or as a row of a table."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.data.skipped import SkippedRecord
from unroll.errors import UserError
from unroll.in_memory.array_file import without_padding
from unroll.in_memory.cells import column_of_text, is_missing
from unroll.in_memory.columns import (
    in_columns_of,
    renamed_like,
    sentence_starts,
    tagged_columns,
    tagged_in,
    texts_of,
)
from unroll.in_memory.datasets import items_of, plain_item
from unroll.in_memory.files import write_table
from unroll.in_memory.forms import (
    MEDIA_COLUMNS,
    as_array,
    holds_times,
    is_image,
    is_row,
    is_sound,
    item_kind,
    kind_name,
    refuse_single,
)
from unroll.in_memory.tables import (
    MemoryTable,
    checked_table,
    is_column,
    is_frame,
    is_series,
    read_columns,
    read_frame,
    read_records,
)
from unroll.in_memory.wording import Wordings


@dataclass(frozen=True)
class MemoryInputs:
    """What was given to predict from.

    Attributes:
        items: the inputs, where they are no rows of a table.
        table: the rows, where they are.
        single: whether one input was given, not a list of them.
        frame: the frame that was given, which predictions are put into.
        index: the labels of the inputs, of a Series.
        column: of the table, where it is known that it holds the inputs.
    """

    items: list[Any] | None = None
    table: MemoryTable | None = None
    single: bool = False
    frame: Any = None
    index: Any = None
    column: str | None = None

    def in_columns_of(
        self, names: Mapping[str, Any], setting: str, named: Collection[str]
    ) -> MemoryInputs:
        """The same inputs, with the column that a run reads.

        Args:
            names: the settings of the run that name columns.
            setting: the one that names the column of the inputs.
            named: the settings that the user gave in training.

        Raises:
            UserError: where that column is missing, and another one would be a guess.
        """
        if self.table is None:
            return self
        column = in_columns_of(self.table, names, (setting,), named).get(setting)
        if column is None:
            return self
        table = tagged_in(self.table, column, None) if setting == "word" else self.table
        return replace(
            self, table=table, column=column if column in table.names else table.names[0]
        )

    def sentences(self) -> list[list[str]] | None:
        """The words of each sentence, where each row is a word; None where rows are sentences."""
        columns = None if self.table is None else tagged_columns(self.table, with_tags=False)
        if self.table is None or columns is None or columns[2] is None:
            return None
        starts = sentence_starts(self.table.columns[columns[2]])
        words = texts_of(self.table, columns[0])
        return [words[a:b] for a, b in zip(starts, [*starts[1:], len(words)], strict=True)]


def read_inputs(
    inputs: Any, step_size: int | None, *, series: bool = False, skip_bad: bool = False
) -> MemoryInputs:
    """What was given to predict from.

    Args:
        inputs: one input, or several: a frame, a Series, an array, a list, a data set.
        step_size: F, where an input is a sequence of numbers. None: it is something else.
        series: whether a dictionary of columns is one input, as a forecaster takes it.
        skip_bad: whether a missing input of a list is a `SkippedRecord` in its place.

    Raises:
        UserError: for anything that holds no inputs.
    """
    if isinstance(inputs, (str, os.PathLike)):
        return MemoryInputs(
            [os.fspath(inputs) if isinstance(inputs, os.PathLike) else inputs], single=True
        )
    refuse_single(inputs)
    if is_image(inputs) or is_sound(inputs):
        return replace(of_list([inputs], "list", step_size), single=True)
    if is_series(inputs) and series and holds_times(inputs):
        inputs = inputs.to_frame(inputs.name if inputs.name is not None else "value")
    if is_frame(inputs):
        return MemoryInputs(table=read_frame(inputs), frame=inputs)
    if isinstance(inputs, Mapping):
        return of_dictionary(inputs, series)
    array = as_array(inputs)
    if array is not None and array.dtype.kind in "biufc":
        return of_array(array, step_size)
    found = of_list(items_of(inputs), kind_name(inputs), step_size, skip_bad, series)
    index = inputs if type(inputs).__name__.endswith("Index") else getattr(inputs, "index", None)
    index = index if is_series(inputs) and hasattr(inputs, "reindex") else None
    return replace(found, index=index)


def of_dictionary(inputs: Mapping[Any, Any], series: bool) -> MemoryInputs:
    """A dictionary: columns of several inputs, or one input."""
    if series:
        columns = {
            name: column_of_text(
                list(values) if not isinstance(values, list) else values, str(name)
            )
            if is_column(values)
            else values
            for name, values in inputs.items()
        }
        return MemoryInputs([columns], single=True)
    if inputs and all(is_column(values) for values in inputs.values()):
        return MemoryInputs(table=read_columns(inputs))
    return MemoryInputs(table=read_records([inputs]), single=True)


def of_array(array: np.ndarray, step_size: int | None) -> MemoryInputs:
    """The sequences of an array: [N, T, F]; [T, F] is one of them, as is [T] where F is 1.

    An array [N, T] is several where F is 1.
    """
    if array.dtype.kind == "c":
        raise UserError("The array holds complex numbers; expected real ones [N, T, F].")
    if step_size is None or array.ndim > 3 or array.ndim == 0:
        return MemoryInputs(list(array) if array.ndim else [array])
    if array.ndim == 1 or (array.ndim == 2 and (step_size > 1 or array.shape[1] == 1)):
        return MemoryInputs([without_padding(array)], single=True)
    return MemoryInputs([without_padding(row) for row in array])


def of_list(
    items: list[Any],
    kind: str,
    step_size: int | None,
    skip_bad: bool = False,
    series: bool = False,
) -> MemoryInputs:
    """A list of inputs: records and media become a table, rows of numbers may be one sequence.

    Args:
        items: the inputs.
        kind: what the list is called.
        step_size: as of `read_inputs`.
        skip_bad: as of `read_inputs`.
        series: as of `read_inputs`.

    Raises:
        UserError: for a missing input, unless bad ones are skipped.
    """
    items = [plain_item(item) for item in items]
    if not items:
        return MemoryInputs([])
    gaps = {
        row: f"Input {row} of the {kind} is missing ({item!r})"
        for row, item in enumerate(items)
        if is_missing(item)
    }
    if gaps and not skip_bad:
        raise UserError(f"{next(iter(gaps.values()))}. Leave it out.")
    known = next((item_kind(item) for item in items if not is_missing(item)), "missing")
    if known == "record":
        first = next(item for item in items if not is_missing(item))
        columns = any(is_column(value) and not is_sound(value) for value in first.values())
        if columns and (series or step_size is not None):
            return MemoryInputs(items)  # each is an input of its own
        return MemoryInputs(
            table=read_records([{} if is_missing(item) else item for item in items])
        )
    if known in ("image", "sound"):
        return MemoryInputs(table=checked_table(kind, [MEDIA_COLUMNS[known]], [items]))
    items = [
        SkippedRecord(f"{gaps[row]}.") if row in gaps else item for row, item in enumerate(items)
    ]
    if step_size is not None and known in ("number", "array", "two"):
        one = (known == "number" and not gaps) or (
            step_size > 1 and all(is_row(item) and len(item) == step_size for item in items)
        )
        if one:
            return MemoryInputs([items], single=True)
        return MemoryInputs(
            [
                without_padding(a)
                if not isinstance(item, SkippedRecord) and (a := as_array(item)) is not None
                else item
                for item in items
            ]
        )
    return MemoryInputs(items)


def column_of_inputs(table: MemoryTable, names: Sequence[str], wanted: str | None) -> list[Any]:
    """The cells of the column that holds the inputs: the wanted one, a known one, or the only one.

    Args:
        table: with the inputs.
        names: of columns that usually hold them.
        wanted: the name that the column had in training, where it had one.

    Raises:
        UserError: where it is not clear which column holds them.
    """
    lower = [name.lower() for name in table.names]
    for name in [wanted, *names]:
        if name is not None and name.lower() in lower:
            return table.columns[lower.index(name.lower())]
    if len(table.names) == 1:
        return table.columns[0]
    raise UserError(
        f"The {table.kind} has the columns {', '.join(table.names)[:120]}; expected the inputs in one of "
        f"{', '.join([*([wanted] if wanted else []), *names])}, or a single column."
    )


@contextmanager
def table_as_file(table: MemoryTable, names: Mapping[str, Any]) -> Iterator[tuple[str, Wordings]]:
    """The file of a table of inputs, as long as the block runs, and how it is spoken of.

    Args:
        table: of inputs.
        names: the settings of the run that name columns.
    """
    table = renamed_like(table, names)
    with TemporaryDirectory(prefix="unroll-") as place:
        wordings = Wordings((write_table(table, Path(place)),))
        with wordings.errors():
            yield str(wordings.all[0].path), wordings


def empty_rows(table: MemoryTable) -> dict[int, SkippedRecord]:
    """What is wrong with each row without any value, which a file would pass over, by its number."""
    found = {}
    for row, cells in enumerate(zip(*table.columns, strict=True)):
        if all(is_missing(cell) or (isinstance(cell, str) and not cell.strip()) for cell in cells):
            found[row] = SkippedRecord(
                f"{row_name(table, row)} is empty; expected an input in each row."
            )
    return found


def row_name(table: MemoryTable, row: int) -> str:
    """What a row is called: "Row 5 (index 'r5') of the DataFrame"."""
    label = "" if table.index is None else f" (index {str(table.index[row])[:40]!r})"
    return f"Row {row}{label} of the {table.kind}"


def refuse_empty_rows(table: MemoryTable) -> None:
    """Refuse rows without any value, which a file would pass over.

    Raises:
        UserError: with the number of the first one.
    """
    for sentence in empty_rows(table).values():
        raise UserError(f"{sentence} Leave it out.")


def missing_inputs(table: MemoryTable, cells: Sequence[Any], skip_bad: bool) -> list[Any]:
    """The inputs of a column, with a `SkippedRecord` in the place of each missing one.

    Args:
        table: whose column they are.
        cells: of the column.
        skip_bad: whether bad inputs are skipped.

    Raises:
        UserError: for a missing input that is not skipped.
    """
    found = [
        SkippedRecord(f"{row_name(table, row)}: the input is missing; expected one in each row.")
        if is_missing(cell)
        else cell
        for row, cell in enumerate(cells)
    ]
    bad = next((each for each in found if isinstance(each, SkippedRecord)), None)
    if bad is not None and not skip_bad:
        raise UserError(f"{bad} (skip_bad=True skips such rows.)")
    return found


def with_empty_rows(
    predictions: list[dict[str, Any]], empty: Mapping[int, SkippedRecord], rows: int
) -> list[dict[str, Any]]:
    """The predictions with those of empty rows in their place, where a file passed over them.

    Args:
        predictions: in order.
        empty: what is wrong with each empty row.
        rows: of the table.
    """
    if not empty or len(predictions) + len(empty) != rows:
        return predictions
    others = iter(predictions)
    return [{"error": str(empty[row])} if row in empty else next(others) for row in range(rows)]


def refuse_other_number(table: MemoryTable, predictions: int) -> None:
    """Predictions must be as many as rows, where each row is an input.

    Raises:
        UserError: where they are not.
    """
    if predictions != len(table):
        raise UserError(
            f"The {table.kind} has {counted(len(table), 'row')}, and {predictions:,} of them can be read "
            "as inputs; expected all. Leave the others out."
        )
