"""Predictions as a table: a .csv or .tsv with names, the columns of the input beside them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.data.files.forms import find_form
from unroll.data.files.rows import as_word
from unroll.data.files.tables import open_table
from unroll.data.skipped import SkippedRecord, records_and_problems
from unroll.in_memory.answers import columns_of
from unroll.in_memory.tables import free_name

if TYPE_CHECKING:
    from unroll.tasks.run import Run

# what an input is in one cell, where no table holds it: the first of these that a prediction has
INPUTS = ("source", "path", "clip", "image", "text", "words", "tune")


def prediction_table(
    run: Run, data: str | None, predictions: Iterable[Mapping[str, Any]], separator: str
) -> tuple[str, int, str | None]:
    """The text of a table of predictions.

    Args:
        run: made the predictions.
        data: the file of the inputs, whose columns stand beside the predictions where each of its rows
            is an input; None where inputs were given one by one.
        predictions: in order.
        separator: between cells.

    Returns:
        The text, how many predictions it holds, and a sentence where columns are left out.
    """
    found = list(predictions)
    rows = [run.task.prediction_rows(one) for one in found]
    is_by_row = run.task.predicts_rows(run.trained)
    beside = input_columns(run, data) if data is not None and is_by_row else {}
    message = None
    if beside and any(len(cells) != len(found) for cells in beside.values()):
        message = f"The columns of {data} are left out: not every row of it is an input."
        beside = {}
    if not beside and is_by_row:
        beside = {"input": [input_cell(one) for one in found]}
    elif not beside and data is not None:
        beside = sequence_column(run, data, len(found))
    if all(cell in (None, "") for cells in beside.values() for cell in cells):
        beside = {}
    columns = columns_of([row for own in rows for row in own])
    repeated = {
        name: [cell for cell, own in zip(cells, rows, strict=True) for _ in own]
        for name, cells in beside.items()
    }
    table = dict(repeated)
    for name, cells in columns.items():
        table[free_name(name, list(table))] = cells
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(table)
    writer.writerows([cell_text(cell) for cell in row] for row in zip(*table.values(), strict=True))
    return text.getvalue(), len(found), message


def cell_text(cell: object) -> str:
    """A cell of the table: nothing where there is none, lists as JSON."""
    if isinstance(cell, (list, tuple, dict)):
        return json.dumps(cell, ensure_ascii=False)
    return "" if cell is None else str(cell)


def input_cell(prediction: Mapping[str, Any]) -> object:
    """What was predicted from, in one cell."""
    cell = next((prediction[key] for key in INPUTS if key in prediction), None)
    return " ".join(cell) if isinstance(cell, list) else cell


def input_columns(run: Run, data: str) -> dict[str, list[object]]:
    """The columns of a table of inputs, a cell for each row; none where the file is no table."""
    path = Path(data)
    if run.task_name in ("tag", "music") or not path.is_file():
        return {}  # files of lines
    if find_form(path, data).kind in ("text", "arrays"):
        return {}
    table = open_table(data)
    rows: list[list[Any] | None] = [
        None if isinstance(row, SkippedRecord) else row.cells
        for row in records_and_problems(table.rows, skip=True)
    ]
    names = None if table.names is None else list(table.names)
    first = next((row for row in rows if row is not None), [])
    if names is None:
        asked = {*run.column_names.values()}
        is_header = any(as_word(cell).strip() in asked for cell in first)
        names = [as_word(cell).strip() for cell in first] if is_header else []
        names = names or [str(place + 1) for place in range(len(first))]
        rows = rows[1:] if is_header else rows
    if len(set(names)) < len(names) or len(names) < 2:
        return {}
    width = len(names)
    full = [[*(row or [])[:width], *[None] * (width - len(row or []))] for row in rows]
    return {name: [row[place] for row in full] for place, name in enumerate(names)}


def sequence_column(run: Run, data: str, count: int) -> dict[str, list[object]]:
    """The names of the sequences of a long table, where one of its columns names them."""
    id = run.column_names.get("id")
    if id is None or not Path(data).is_file():
        return {}
    names: list[object] = []
    for cell in input_columns(run, data).get(id, []):
        if not names or names[-1] != cell:
            names.append(cell)
    return {id: names} if len(names) == count else {}
