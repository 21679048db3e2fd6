"""Sequences of numbers with labels: one long table, or a folder of tables for each class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from unroll.data.columns import looks_like_time, place
from unroll.data.files.rows import Row, as_word
from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.data.records import TABLE_SUFFIXES, Record, Table, class_files
from unroll.errors import UserError

LOOK, FILES = 1000, 20  # rows of a table, and tables, in which columns of times are looked for
FEWEST_STEPS = 20  # from row to row, from which on it means something that a number grows
LARGEST = 1e30  # float32 has larger numbers, but not their squares and sums


class Scaler:
    """Scales every column to mean 0 and deviation 1, as measured on the training set.

        y = (x - mean) / deviation

    Attributes:
        names: of the F columns.
        mean: F numbers.
        deviation: F numbers; 1 for a column that never changes.

    Examples:
        >>> import numpy as np
        >>> from unroll.data.series import Scaler
        >>> scaler = Scaler.learn(["v"], [np.array([[1.0], [3.0]])])
        >>> scaler(np.array([[5.0]])).tolist()
        [[3.0]]
    """

    def __init__(self, names: list[str], mean: list[float], deviation: list[float]) -> None:
        self.names, self.mean, self.deviation = names, mean, deviation

    @classmethod
    def learn(cls, names: list[str], sequences: Iterable[np.ndarray]) -> Scaler:
        """The scaler of these columns.

        Args:
            names: of the F columns.
            sequences: [T, F] each; read once, one after the other (Welford's sums, in blocks).
        """
        count, mean, squares = 0, np.zeros(len(names)), np.zeros(len(names))
        for sequence in sequences:
            values = sequence.astype(np.float64)
            own = values.mean(0)
            total = count + len(values)
            change = own - mean
            squares += ((values - own) ** 2).sum(0) + change**2 * count * len(values) / total
            mean += change * len(values) / total
            count = total
        deviation = np.sqrt(squares / max(1, count))
        deviation[deviation < 1e-12] = 1.0
        return cls(names, mean.tolist(), deviation.tolist())

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The scaled values, float32, of values [..., F].

        Raises:
            UserError: where a value is so far from the training set that float32 has no such number.
        """
        scaled: np.ndarray = (values - np.array(self.mean)) / np.array(self.deviation)
        if scaled.size and not np.abs(scaled).max() <= LARGEST:
            raise UserError(
                "A number is more than 1e30 deviations from those of the training set; expected "
                "numbers like them. Fix it."
            )
        return scaled.astype(np.float32)


def folder_columns(folder: Path, wanted: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """The columns of numbers of the tables in a folder of classes, by the first of them.

    Args:
        folder: with a folder for each class.
        wanted: the columns, by name or by number from 1. Default: all but those that are times or
            only grow.

    Returns:
        Their names, or their numbers where the tables have no names; and the columns left out.

    Raises:
        UserError: where there are no two classes, the table is empty, or it has no such column.
    """
    files = class_files(folder, TABLE_SUFFIXES)
    row = next(open_table(files[0]).rows(Problems(skip=True)), None)
    if row is None:
        raise UserError(f"{files[0]} is empty; expected rows of numbers.")
    cells = [as_word(cell).strip() for cell in row.cells]
    header = any(number(cell) is None for cell in cells) and not any(map(looks_like_time, cells))
    names = cells if header else [str(k + 1) for k in range(len(cells))]
    if wanted:
        return [names[place(word, names, str(files[0]), "--set columns")] for word in wanted], []
    tables = [first_cells(path, len(names), header) for path in files[:: len(files) // FILES + 1]]
    out = clock_columns(tables, range(len(names)))
    if not header and max(out, default=0) == len(names) - 1:
        out = []  # without names, a row is known by its last column
    kept = [name for k, name in enumerate(names) if k not in out]
    return kept, [names[k] for k in out]


def first_cells(path: Path, width: int, header: bool) -> list[list[str]]:
    """The first rows of a table that have this width, without the header."""
    rows = open_table(path).first_rows(LOOK)
    return [row for row in rows[int(header) :] if len(row) == width]


def clock_columns(tables: Sequence[Sequence[Sequence[str]]], places: Sequence[int]) -> list[int]:
    """The columns that hold times, or numbers that grow from row to row in every sequence.

    Such a column says where a row stands, not what a sensor measured. Where all columns do so, they
    are the measurements.

    Args:
        tables: the first rows of some sequences.
        places: the columns to look at.

    Examples:
        >>> from unroll.data.series import clock_columns
        >>> rows = [[str(k), str(k % 3), f"2024-01-{k:02}"] for k in range(1, 25)]
        >>> clock_columns([rows], range(3))
        [0, 2]
    """
    times = [k for k in places if is_mostly([row[k] for rows in tables for row in rows])]
    steps, growing = 0, set(places) - set(times)
    for rows in tables:
        steps += max(0, len(rows) - 1)
        for k in list(growing):
            values = [number(row[k]) for row in rows]
            if not all(a is not None and b is not None and a < b for a, b in pairwise(values)):
                growing.remove(k)
    if steps < FEWEST_STEPS:
        growing = set()
    out = sorted({*times, *growing})
    return out if len(out) < len(places) else times if len(times) < len(places) else []


def is_mostly(cells: Sequence[str]) -> bool:
    """Whether most cells are no numbers but look like times."""
    return 2 * sum(map(looks_like_time, cells)) > len(cells)


def folder_sequences(folder: Path, names: list[str], problems: Problems) -> Iterator[Record]:
    """Each table of each class's folder as a sequence [T, F]; the folder's name is its label."""
    for path in class_files(folder, TABLE_SUFFIXES):
        values = file_sequence(path, names, problems)
        if values is not None:
            yield Record(values, (path.relative_to(folder).parts[0],), str(path))


def file_sequence(path: Path, names: list[str], problems: Problems) -> np.ndarray | None:
    """The numbers of the named columns of one table [T, F]; None where they are bad.

    Args:
        path: the table, with a first row of names or without.
        names: of the columns, or their numbers.
        problems: takes what is bad.
    """
    steps: list[list[float]] = []
    places, columns = list(range(len(names))), list(names)
    for k, row in enumerate(open_table(path).rows(problems)):
        if k == 0:
            cells = [as_word(cell).strip() for cell in row.cells]
            numbered = [int(name) - 1 for name in names] if all(map(str.isdigit, names)) else []
            is_header = set(names) <= set(cells) and any(number(cell) is None for cell in cells)
            if is_header or cells == names:
                places, columns = [cells.index(name) for name in names], cells
                continue
            if numbered and len(cells) == max(numbered) + 1:
                places, columns = numbered, [str(j + 1) for j in range(len(cells))]
        fits = len(row.cells) == len(columns)
        values = numbers([row.cells[j] for j in places]) if fits else None
        if values is None:
            wrong = row_trouble(row, columns, places)
            problems.bad(f"{path}, line {row.line}: {wrong}.")
            return None
        steps.append(values)
    if not steps:
        problems.bad(f"{path}: no row of numbers; expected one row per time step.")
        return None
    return np.asarray(steps, dtype=np.float64)


def table_sequences(
    table: Table, id: int, columns: list[int], problems: Problems, by: int | None = None
) -> Iterator[Record]:
    """Sequences [T, F] with their labels: consecutive rows with the same id are one sequence.

    Every row of a sequence has the same label. A sequence with a bad row is skipped as a whole.

    Args:
        table: knows its columns; that of the label is `table.columns.label`.
        id: place of the column of the id, from 0.
        columns: places of the F columns of numbers.
        problems: collects bad sequences.
        by: place of the column of the group; that of the first row counts. Default: no groups.
    """
    names, label = table.columns.names, table.columns.label
    seen: set[str] = set()
    current: str | None = None
    steps: list[list[float]] = []
    labels: tuple[str, ...] = ()
    line, good, group = 0, True, ""

    def finished() -> Iterator[Record]:
        if current is not None and good:
            where = f"{table.name}, line {line}"
            yield Record(np.asarray(steps, dtype=np.float64), labels, where, group)

    for row in table.rows(problems):
        name = as_word(row.cells[id]).strip()
        where = f"{table.name}, line {row.line}"
        if name != current:
            yield from finished()
            current, steps, good, line = name, [], True, row.line
            group = "" if by is None else as_word(row.cells[by]).strip()
            own = None if label is None else as_word(row.cells[label]).strip()
            labels = () if own is None else (own,)
            wrong = None
            if not name:
                wrong = f"no {names[id]}"
            elif name in seen:
                wrong = (
                    f"{names[id]} {name!r} occurs again after other sequences; expected the rows of a "
                    "sequence together. Sort the table"
                )
            elif own == "":
                wrong = f"no label; expected one in column {names[label or 0]}"
            seen.add(name)
        else:
            wrong = None
            if label is not None and as_word(row.cells[label]).strip() != labels[0]:
                wrong = f"the label differs from {labels[0]!r}, that of the first row of {name!r}"
        values = numbers([row.cells[k] for k in columns])
        if good and (wrong is not None or values is None):
            problems.bad(f"{where}: {wrong or row_trouble(row, names, columns)}.")
            good = False
        if values is not None:
            steps.append(values)
    yield from finished()


def row_trouble(row: Row, names: Sequence[str], columns: Sequence[int]) -> str:
    """What is wrong with the numbers of a row, as half a sentence."""
    if len(row.cells) != len(names):
        return f"{len(row.cells)} columns where {len(names)} are expected"
    for k in columns:
        got = as_word(row.cells[k]).strip()
        if number(got) is None:
            column = f"in column {names[k]}"
            return f"{got!r} {column} {number_trouble(got)}" if got else f"no {names[k]}"
    return f"{len(row.cells)} columns where {len(names)} are expected"


def number_trouble(word: str) -> str:
    """What is wrong with a word that `number` refuses, as half a sentence."""
    with suppress(ValueError):
        if math.isfinite(float(word)):
            return f"is beyond {LARGEST:.0e}, the largest number that is read"
    return "is not a finite number"


def numbers(cells: Sequence[Any]) -> list[float] | None:
    """The cells as finite numbers of at most 1e30; None where one of them is none."""
    try:
        values = [float(cell) for cell in cells]
    except (TypeError, ValueError):
        return None
    return values if all(abs(value) <= LARGEST for value in values) else None


def number(cell: Any) -> float | None:
    """The cell as a finite number of at most 1e30; None where it is none."""
    values = numbers([cell])
    return None if values is None else values[0]
