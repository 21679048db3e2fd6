"""Tables in memory: pandas and polars frames, Arrow tables, dictionaries of columns, lists of records.

None of these libraries is imported here, but for pyarrow where an object only has Arrow's protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.counting import counted
from unroll.data.optional import optional
from unroll.errors import UserError
from unroll.in_memory.cells import as_list, is_missing

FRAMES = ("pandas", "polars", "pyarrow")


@dataclass(frozen=True)
class MemoryTable:
    """A table as lists.

    Attributes:
        kind: what the user calls it: "DataFrame", "list of records".
        names: of the columns, all different.
        columns: the cells of each.
        index: the label of each row, where rows have labels that are not their numbers.
        numbered: whether the columns had numbers for names.
    """

    kind: str
    names: tuple[str, ...]
    columns: tuple[list[Any], ...]
    index: list[Any] | None = None
    numbered: bool = False

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def library_of(data: object) -> str:
    """The name of the package that an object's type is from: "pandas"."""
    return type(data).__module__.split(".")[0]


def is_frame(data: object) -> bool:
    """Whether an object is a table of pandas, polars or Arrow, or gives itself as one."""
    if isinstance(data, type) or is_series(data):
        return False
    kind = type(data).__name__
    if library_of(data) in FRAMES and kind in ("DataFrame", "LazyFrame", "Table", "RecordBatch"):
        return True
    return hasattr(data, "__arrow_c_stream__") or hasattr(data, "__dataframe__")


def is_series(data: object) -> bool:
    """Whether an object is one column: a Series or Index of pandas or polars, an array of Arrow."""
    kind = type(data).__name__
    if library_of(data) == "pandas":
        return kind in ("Series", "Categorical") or kind.endswith(("Index", "Array"))
    if library_of(data) == "polars":
        return kind == "Series"
    return library_of(data) == "pyarrow" and kind.endswith("Array")


def read_frame(data: Any) -> MemoryTable:
    """A frame of any of these libraries as lists.

    An index of pandas that has a name, or holds times, is a column too, the first one.

    Raises:
        UserError: for a table without columns or rows, levels of names, and names that occur twice.
    """
    library, kind = library_of(data), type(data).__name__
    if library == "pandas":
        return read_pandas(data)
    if library == "polars":
        frame = data.collect() if kind == "LazyFrame" else data
        names = tuple(frame.columns)
        columns = [
            narrow(frame[name].to_list(), str(frame[name].dtype) == "Float32") for name in names
        ]
        return checked_table("DataFrame", names, columns)
    if library != "pyarrow" or not hasattr(data, "column_names"):
        data = arrow_table(data)
    names = tuple(data.schema.names)
    columns = [
        narrow(data.column(place).to_pylist(), str(data.schema.types[place]) == "float")
        for place in range(len(names))
    ]
    return checked_table(kind, names, columns)


def narrow(cells: list[Any], is_float32: bool) -> list[Any]:
    """Numbers that were of 32 bits as such: 0.1, which Python holds as 0.10000000149011612."""
    if not is_float32:
        return cells
    return [None if cell is None else np.float32(cell) for cell in cells]


def arrow_table(data: Any) -> Any:
    """An object with Arrow's stream, or with the interchange protocol, as a table of pyarrow.

    Raises:
        UserError: where pyarrow is not installed, or the object gives no table.
    """
    try:
        if hasattr(data, "__arrow_c_stream__"):
            arrow = optional("pyarrow", "reads tables of Arrow")
            return arrow.table(data)
        interchange = optional("pyarrow.interchange", "reads tables of other libraries")
        return interchange.from_dataframe(data)
    except (TypeError, ValueError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"The {type(data).__name__} gives no table of Arrow ({error}); expected columns of equal "
            "length. Convert it to a DataFrame first."
        ) from error


def read_pandas(frame: Any) -> MemoryTable:
    """A DataFrame of pandas as lists, with its index where that is data."""
    if frame.index.nlevels > 1 or frame.columns.nlevels > 1:
        which = "index" if frame.index.nlevels > 1 else "columns"
        levels = frame.index.nlevels if which == "index" else frame.columns.nlevels
        todo = "df.reset_index()" if which == "index" else "one name for each column"
        raise UserError(
            f"The DataFrame has a MultiIndex of {levels} levels as its {which}; expected one level. "
            f"Give {todo}."
        )
    names, columns = (
        list(frame.columns),
        [pandas_list(frame.iloc[:, k]) for k in range(frame.shape[1])],
    )
    index = frame.index
    is_range = type(index).__name__ == "RangeIndex"
    holds_times = type(index).__name__ in ("DatetimeIndex", "PeriodIndex")
    labels = pandas_list(index)
    if holds_times or (index.name is not None and index.name not in names):
        names.insert(0, index.name if index.name is not None else free_name("time", names))
        columns.insert(0, labels)
    is_number = is_range and index.start == 0 and index.step == 1
    return checked_table("DataFrame", names, columns, None if is_number else labels)


def pandas_list(column: Any) -> list[Any]:
    """A Series, Index or array of pandas as a list; numbers keep their precision."""
    dtype = str(column.dtype)
    if dtype in ("float32", "float16"):  # as a list they would become long doubles of Python
        return list(column.to_numpy())
    return as_list(column)


def free_name(name: str, taken: Sequence[object]) -> str:
    """The name, or it with a number where a column has it already."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def read_columns(data: Mapping[Any, Any]) -> MemoryTable:
    """A dictionary of columns as lists.

    Raises:
        UserError: for columns of different lengths, and values that are no columns.
    """
    columns = {}
    for name, values in data.items():
        if not is_column(values):
            raise UserError(
                f"The value of {name!r} in the dictionary is {type(values).__name__}; expected a "
                "column: a list, an array or a Series, all of one length."
            )
        columns[name] = column_list(values)
    sizes = {name: len(values) for name, values in columns.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {size:,}" for name, size in list(sizes.items())[:6])
        raise UserError(
            f"The columns of the dictionary differ in length: {told}. Expected one length."
        )
    return checked_table("dictionary of columns", list(columns), list(columns.values()))


def is_column(values: object) -> bool:
    """Whether a value of a dictionary is a column rather than one cell."""
    if isinstance(values, (str, bytes, Mapping)):
        return False
    return (
        isinstance(values, (list, tuple, range))
        or is_series(values)
        or getattr(values, "ndim", 0) > 0
    )


def column_list(values: Any) -> list[Any]:
    """A column as a list; numbers keep their precision."""
    if library_of(values) == "pandas":
        return pandas_list(values)
    if library_of(values) == "pyarrow":
        found: list[Any] = values.to_pylist()
        return found
    if getattr(values, "ndim", 1) > 1:  # each cell is an array
        return [np.asarray(cell) for cell in values]
    dtype = str(getattr(values, "dtype", ""))
    if dtype in ("float32", "float16") or dtype.startswith("datetime64"):
        return list(values)
    return as_list(values)


def read_records(records: Sequence[Mapping[Any, Any]]) -> MemoryTable:
    """Records as columns, in the order in which their fields first occur; a missing field is None."""
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = [[record.get(name) for record in records] for name in names]
    return checked_table("list of records", names, columns)


def checked_table(
    kind: str, names: Sequence[Any], columns: Sequence[list[Any]], index: list[Any] | None = None
) -> MemoryTable:
    """A table with names that are words.

    Raises:
        UserError: for a table without columns or rows, and names that occur twice.
    """
    if not names or not columns[0]:
        what = "columns" if not names else "rows"
        raise UserError(
            f"The {kind} has no {what}; expected {counted(1, 'row')} or more, with a name for each column."
        )
    numbered = all(not isinstance(name, str) for name in names)
    words = [str(name) if isinstance(name, str) else column_name(name) for name in names]
    twice = next((name for name in words if words.count(name) > 1), None)
    if twice is not None:
        raise UserError(
            f"The {kind} has {words.count(twice)} columns named {twice!r}; expected different names. "
            "Rename them, or leave one out."
        )
    return MemoryTable(kind, tuple(words), tuple(columns), index, numbered)


def column_name(name: object) -> str:
    """The name of a column that has a number for a name: a row of numbers is not read as names."""
    return f"column_{name}"


def named_place(table: MemoryTable, name: Any, setting: str) -> int:
    """The place of a column that a setting names, by its name or its number from 1.

    Raises:
        UserError: where there is no such column.
    """
    if str(name) in table.names:
        return table.names.index(str(name))
    if str(name).isdigit() and 1 <= int(str(name)) <= len(table.names):
        return int(str(name)) - 1
    raise UserError(
        f"{setting}={name!r} is no column of the {table.kind}, which has {', '.join(table.names)[:120]}."
    )


def texts_of(table: MemoryTable, place: int) -> list[str]:
    """The texts of a column; a missing one is empty."""
    return ["" if is_missing(cell) else str(cell) for cell in table.columns[place]]
