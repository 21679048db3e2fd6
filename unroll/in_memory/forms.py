"""What was given from Python: a table, texts, or sequences of numbers, each with labels or without."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unroll.errors import UserError
from unroll.in_memory.array_file import without_padding
from unroll.in_memory.cells import is_missing
from unroll.in_memory.datasets import items_of, plain_item
from unroll.in_memory.tables import (
    MemoryTable,
    checked_table,
    column_list,
    is_column,
    is_frame,
    is_series,
    library_of,
    read_columns,
    read_frame,
    read_records,
)

LONGEST_LABEL = 80  # characters of a text that may be a label
LEAST_RATE = 1000  # samples per second: a smaller number beside an array is a label
MEDIA_COLUMNS = {"image": "image", "sound": "audio"}
# what stands beside the only column of a list
VALUE_COLUMNS: dict[tuple[str, ...], str] = {
    ("tokens",): "tags",
    ("audio",): "text",
    ("image",): "caption",
}
WITH_TIMES = ' To forecast values, give their times too: {"time": times, "value": values}.'
EXPECTED = (
    "a path, a DataFrame, a dictionary of columns, an array with labels=, or a list of texts, pairs, "
    "records, arrays, images or sounds"
)


@dataclass(frozen=True)
class MemoryTexts:
    """Texts without labels.

    Attributes:
        texts: in order.
        kind: what the user calls them: "list".
    """

    texts: list[str]
    kind: str = "list"


@dataclass(frozen=True)
class MemoryArrays:
    """Sequences of numbers.

    Attributes:
        values: [T, F] each.
        labels: one for each sequence, or one for each step of each; None where there are none.
        kind: what the user calls them: "array", "list".
    """

    values: list[np.ndarray]
    labels: list[Any] | None = None
    kind: str = "array"


MemoryData = MemoryTable | MemoryTexts | MemoryArrays


def recognise(data: Any, labels: Any = None, task: str | None = None) -> MemoryData:
    """What was given, as one of three forms.

    Args:
        data: anything but a path.
        labels: one for each record. Default: in the data, or none.
        task: the task where it is known; texts in pairs are labels or translations by it.

    Raises:
        UserError: for data that is none of these.
    """
    if isinstance(data, (MemoryTable, MemoryTexts, MemoryArrays)):
        return data
    refuse_single(data)
    if isinstance(data, tuple) and len(data) == 2 and labels is None and are_columns(*data):
        data, labels = data
    if labels is not None:
        labels = label_list(labels)
    if is_series(data) and holds_times(data):
        data = data.to_frame(data.name if data.name is not None else "value")
    if is_frame(data):
        found: MemoryData = table_form(read_frame(data))
    elif isinstance(data, Mapping):
        found = table_form(read_columns(data))
    elif (
        (array := as_array(data)) is not None
        and array.dtype != object
        and array.dtype.kind not in "UST"
    ):
        found = MemoryArrays(sequences_of(array), kind="array")
    else:
        found = recognise_items(items_of(data), kind_name(data), task, labels)
    return found if labels is None else with_labels(found, labels, task)


def refuse_single(data: object) -> None:
    """Refuse what is no data at all.

    Raises:
        UserError: for None, a number, bytes, an open file, a class or function.
    """
    if isinstance(data, str):
        raise UserError(
            f"Got a text of {len(data):,} characters where data is expected. Give a list of texts: "
            "unroll.train([text]); or the path of a file."
        )
    if isinstance(data, (bytes, bytearray)):
        raise UserError(
            f"Got {len(data):,} bytes; expected {EXPECTED}. Decode them to a text first."
        )
    if isinstance(data, io.IOBase) or hasattr(data, "readline"):
        name = getattr(data, "name", "it")
        raise UserError(
            f"Got an open file ({name}); expected its path. Give unroll.train({name!r})."
        )
    if hasattr(data, "toarray") and hasattr(data, "nnz"):
        raise UserError("Got a sparse matrix; expected an array. Give its numbers by X.toarray().")
    if isinstance(data, type):
        raise UserError(f"Got the class {data.__name__} as data; expected {EXPECTED}.")
    plain = data is None or isinstance(data, (bool, int, float, complex, type)) or callable(data)
    if plain and not hasattr(data, "__len__") and not hasattr(data, "__iter__"):
        raise UserError(f"Got {data!r:.60} as data; expected {EXPECTED}.")


def are_columns(inputs: object, labels: object) -> bool:
    """Whether two things are inputs and their labels: both hold as many, and are no texts."""
    if isinstance(inputs, (str, bytes)) or isinstance(labels, (str, bytes, Mapping)):
        return False
    if not (is_frame(inputs) or is_column(inputs) or isinstance(inputs, Mapping)):
        return False
    return is_frame(labels) or is_column(labels)


def label_list(labels: Any) -> list[Any]:
    """The labels as a list.

    Raises:
        UserError: for a single text, or anything else that holds no labels.
    """
    if isinstance(labels, str):
        raise UserError(
            f"labels got {labels!r}; expected one label for each record, in a list, an array or a "
            f"Series. A column of labels is named by label={labels!r}."
        )
    if is_frame(labels):
        table = read_frame(labels)
        if len(table.names) > 1:
            raise UserError(
                f"labels got a DataFrame of {len(table.names)} columns; expected one column."
            )
        return table.columns[0]
    array = as_array(labels)
    if array is not None and array.ndim == 2 and array.shape[1] == 1:
        return list(array[:, 0])
    if not is_column(labels) and array is None:
        raise UserError(
            f"labels got {type(labels).__name__}; expected a list, an array or a Series of labels."
        )
    return column_list(labels if array is None or is_series(labels) else array)


def holds_times(series: Any) -> bool:
    """Whether a Series of pandas has times as its index, so that it is a table of two columns."""
    index = getattr(series, "index", None)
    return type(index).__name__ in ("DatetimeIndex", "PeriodIndex")


def as_array(data: Any) -> np.ndarray | None:
    """An array of numpy, torch or another library of arrays as one of numpy; None for all else."""
    if isinstance(data, np.ndarray):
        return data
    if is_series(data) or is_frame(data) or isinstance(data, (list, tuple)):
        return None
    if library_of(data) == "torch" and hasattr(data, "detach"):
        found: np.ndarray = data.detach().cpu().numpy()
        return found
    if library_of(data) != "PIL" and (
        hasattr(data, "__array__") or hasattr(data, "__array_interface__")
    ):
        return np.asarray(data)
    return None


def kind_name(data: Any) -> str:
    """What an object is called in sentences."""
    if isinstance(data, (list, tuple)):
        return "list"
    return type(data).__name__ if hasattr(data, "__len__") else "sequence of records"


def sequences_of(array: np.ndarray) -> list[np.ndarray]:
    """The sequences [T, F] of an array [N, T, F], or [N, T] where a step is one number.

    Raises:
        UserError: for an array of another shape, of complex numbers or of anything but numbers.
    """
    if array.dtype.kind not in "biuf":
        kind = "complex numbers" if array.dtype.kind == "c" else f"values of type {array.dtype}"
        raise UserError(
            f"The array holds {kind}; expected real numbers [N, T, F]: sequences, steps, numbers of a "
            "step. Convert them first."
        )
    if array.ndim not in (2, 3) or not array.size:
        raise UserError(
            f"The array has the shape {list(array.shape)}; expected [N, T, F] (sequences, steps, "
            f"numbers of a step), or [N, T].{WITH_TIMES if array.ndim == 1 else ''}"
        )
    return [without_padding(row) for row in array]


def recognise_items(
    items: list[Any], kind: str, task: str | None, labels: list[Any] | None
) -> MemoryData:
    """A list of things as one of the three forms, by what they are.

    Args:
        items: of one kind.
        kind: what the list is called.
        task: where it is known.
        labels: of the items, where they were given beside them.

    Raises:
        UserError: where there is nothing, or things of different kinds.
    """
    items = [plain_item(item) for item in items]
    if not items:
        raise UserError(f"The {kind} is empty; expected {EXPECTED}.")
    kinds = [item_kind(item) for item in items]
    if "two" in kinds and ("words" in kinds or labels is not None):  # sentences of two words
        kinds = [
            "words" if kinds[row] == "two" and are_words(items[row]) else kinds[row]
            for row in range(len(items))
        ]
    known = next((each for each in kinds if each != "missing"), "missing")
    if known == "missing":
        raise UserError(f"The {kind} holds nothing but missing values; expected {EXPECTED}.")
    for row, each in enumerate(kinds):
        if each not in (known, "missing") or each == "unknown":
            other = f", and item {kinds.index(known)} is {known}" if each != known else ""
            raise UserError(
                f"Item {row} of the {kind} is {type(items[row]).__name__}{other}; expected {EXPECTED}."
            )
    if known == "record":
        return table_form(read_records([item or {} for item in items]))
    if known == "two" and labels is None:
        return two_columns(items, kind, task)
    if known in ("array", "two") or (known == "number" and labels is None):
        return MemoryArrays(
            [item_rows(item, row, kind) for row, item in enumerate(items)], kind=kind
        )
    if known == "text":
        return MemoryTexts(["" if is_missing(item) else str(item) for item in items], kind)
    if known == "words":
        return checked_table(kind, ["tokens"], [items])
    return checked_table(kind, [MEDIA_COLUMNS[known]], [items])


def item_kind(item: Any) -> str:
    """What one thing of a list is: "text", "record", "two" (a pair), "array", "image", "sound"."""
    if isinstance(item, (str, os.PathLike)):
        return "text"
    if isinstance(item, Mapping):
        return "sound" if {"array", "sampling_rate"} <= set(item) else "record"
    if is_missing(item):
        return "missing"
    if is_image(item):
        return "image"
    if is_sound(item):
        return "sound"
    if isinstance(item, (list, tuple)):
        if len(item) == 2 and not all(isinstance(each, (int, float, np.number)) for each in item):
            both_rows = all(is_row(each) for each in item)
            return "array" if both_rows and isinstance(item, list) else "two"
        if item and are_words(item):
            return "words"
        return "array"
    if is_frame(item) or is_series(item) or as_array(item) is not None:
        return "array"
    return "number" if isinstance(item, (int, float, np.number)) else "unknown"


def are_words(item: Any) -> bool:
    """Whether every thing of a list is a text."""
    return all(isinstance(each, str) for each in item)


def is_row(value: Any) -> bool:
    """Whether a value is a list of numbers."""
    return isinstance(value, (list, tuple)) and all(
        isinstance(each, (int, float, np.number)) for each in value
    )


def is_image(item: Any) -> bool:
    """Whether a thing is an image of Pillow."""
    return library_of(item) == "PIL" and hasattr(item, "convert")


def is_sound(item: Any) -> bool:
    """Whether a thing is a sound: (array, rate), or an object of datasets with both."""
    if isinstance(item, Mapping):
        return {"array", "sampling_rate"} <= set(item)
    if not isinstance(item, tuple) or len(item) != 2 or as_array(item[0]) is None:
        return False
    rate = item[1]
    is_whole = isinstance(rate, (int, np.integer)) and not isinstance(rate, bool)
    return is_whole and bool(rate >= LEAST_RATE)


def item_rows(item: Any, row: int, kind: str) -> np.ndarray:
    """One thing of a list as a sequence [T, F].

    Raises:
        UserError: where it is no rows of real numbers.
    """
    if is_frame(item) or is_series(item):
        item = item.to_numpy()
    array = as_array(item)
    try:
        array = np.asarray(item, dtype=np.float64) if array is None else array
    except (TypeError, ValueError):
        array = np.zeros((0, 0))
    if array.dtype.kind not in "biuf" or array.ndim not in (1, 2) or not array.size:
        raise UserError(
            f"Item {row} of the {kind} is no sequence of numbers; expected rows of equal width [T, F], "
            f"or [T] where a step is one number.{WITH_TIMES if array.ndim == 0 else ''}"
        )
    return without_padding(array)


def two_columns(items: Sequence[Any], kind: str, task: str | None) -> MemoryData:
    """Pairs as a table: a text and its translation or label, words and tags, a thing and its label."""
    first = [plain_item(item[0]) if item is not None else None for item in items]
    second = [plain_item(item[1]) if item is not None else None for item in items]
    left = next((item_kind(item) for item in first if not is_missing(item)), "missing")
    if left == "text":
        if task != "classify" and (task == "translate" or are_translations(second)):
            return checked_table(kind, ["source", "target"], [first, second])
        return checked_table(kind, ["text", "label"], [first, second])
    if left in ("words", "two") and all(isinstance(each, (list, tuple)) for each in second):
        return checked_table(kind, ["tokens", "tags"], [first, second])
    return with_labels(recognise_items(first, kind, task, second), second, task)


def are_translations(texts: Sequence[Any]) -> bool:
    """Whether the second texts of pairs are no labels: they hardly come back, or are long."""
    if not all(isinstance(text, str) for text in texts):
        return False
    return 2 * len(set(texts)) > len(texts) or max(map(len, texts)) > LONGEST_LABEL


def table_form(table: MemoryTable) -> MemoryData:
    """A table; or the sequences of numbers in its cells, with the labels beside them."""
    arrays = [
        place
        for place, column in enumerate(table.columns)
        if all(isinstance(cell, np.ndarray) and cell.dtype.kind in "biuf" for cell in column)
    ]
    if len(arrays) != 1 or len(table.names) > 2:
        return table
    values = [item_rows(cell, row, table.kind) for row, cell in enumerate(table.columns[arrays[0]])]
    others = [column for place, column in enumerate(table.columns) if place != arrays[0]]
    return MemoryArrays(values, others[0] if others else None, table.kind)


def with_labels(found: MemoryData, labels: list[Any], task: str | None) -> MemoryData:
    """The data with a label, or translation, for each record.

    Raises:
        UserError: for another number of labels than records, and for a table that has them already.
    """
    count = len(found.texts) if isinstance(found, MemoryTexts) else size_of(found)
    if len(labels) != count:
        raise UserError(
            f"Got {count:,} records with {len(labels):,} labels; expected one label for each record."
        )
    if isinstance(found, MemoryArrays):
        return replace(found, labels=labels)
    if isinstance(found, MemoryTexts):
        return two_columns(
            list(zip(found.texts, labels, strict=True)), found.kind, task or "classify"
        )
    if task in (None, "classify") and len(found.names) > 1 and all(map(is_row, found.columns)):
        rows = np.array(found.columns, dtype=np.float64).T  # a row of numbers is a sequence
        return MemoryArrays(sequences_of(rows), labels, found.kind)
    name = VALUE_COLUMNS.get(found.names, "label")
    if name in found.names:
        raise UserError(
            f"The {found.kind} has a column {name!r}, and labels= is given too; expected one of them."
        )
    return replace(found, names=(*found.names, name), columns=(*found.columns, labels))


def size_of(found: MemoryTable | MemoryArrays) -> int:
    """How many records there are."""
    return len(found) if isinstance(found, MemoryTable) else len(found.values)


def is_path(data: object) -> bool:
    """Whether data is a path, or "-" for standard input; a text with line ends is none."""
    return isinstance(data, os.PathLike) or (
        isinstance(data, str) and "\n" not in data and len(data) < 1000
    )


def many(data: object) -> bool:
    """Whether inputs for predictions are several, of whatever kind."""
    return is_frame(data) or is_series(data) or isinstance(data, Iterable)
