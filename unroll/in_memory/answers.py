"""Predictions as a frame: beside the rows that were given, in the library that they came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unroll.data.optional import optional
from unroll.in_memory.tables import free_name, library_of


def columns_of(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """The columns of rows, in the order in which they first occur; None where a row has none."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def frame_beside(frame: Any, rows: Sequence[Mapping[str, object]]) -> Any:
    """A copy of a frame with a column for each fact of the predictions; its index is kept.

    A name that the frame has already gets a number: prediction_2.

    Args:
        frame: of pandas, polars or pyarrow.
        rows: one for each row of the frame.
    """
    library = library_of(frame)
    if library not in ("pandas", "polars", "pyarrow"):
        frame = optional("pyarrow", "makes tables of Arrow").table(frame)
        library = "pyarrow"
    if hasattr(frame, "collect"):
        frame = frame.collect()
    taken = list(frame.column_names if library == "pyarrow" else frame.columns)
    added = {free_name(name, taken): cells for name, cells in columns_of(rows).items()}
    if library == "pandas":
        own = type(frame)(added, index=frame.index)
        copy = frame.copy()
        for name in added:
            copy[name] = own[name]
        return copy
    if library == "polars":
        polars = optional("polars", "makes frames")
        return frame.with_columns([polars.Series(name, cells) for name, cells in added.items()])
    arrow = optional("pyarrow", "makes tables of Arrow")
    table = frame if hasattr(frame, "append_column") else arrow.Table.from_batches([frame])
    for name, cells in added.items():
        table = table.append_column(name, arrow.array(cells))
    return table


def new_frame(like: Any, rows: Sequence[Mapping[str, object]], index: Any = None) -> Any:
    """Predictions as a frame of their own, in the library of a frame; else in pandas.

    Args:
        like: a frame, or None.
        rows: of the predictions.
        index: the labels of the rows, where there are as many.
    """
    columns = columns_of(rows)
    library = library_of(like)
    if library == "polars":
        return optional("polars", "makes frames").DataFrame(columns, strict=False)
    if library == "pyarrow" or (like is not None and library != "pandas"):
        return optional("pyarrow", "makes tables of Arrow").table(columns)
    pandas = optional("pandas", "makes DataFrames")
    fits = index is not None and len(index) == len(rows)
    return pandas.DataFrame(columns, index=index if fits else None)


def word_rows(prediction: Mapping[str, Any], words: Sequence[str]) -> list[dict[str, Any]]:
    """The prediction for a sentence as rows of a table with a word in each.

    Args:
        prediction: with `tags` and `probabilities`, or the `error` of a skipped sentence.
        words: of the sentence.
    """
    if "error" in prediction:
        return [{"prediction": None, "error": prediction["error"]} for _ in words]
    pairs = zip(prediction["tags"], prediction["probabilities"], strict=True)
    return [{"prediction": tag, "probability": p} for tag, p in pairs]
