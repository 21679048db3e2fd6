"""Files of arrays, .npz and .npy: sequences of numbers, with a label for each or for each step."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from unroll.data.files.opening import BAD_ZIP, MOST_TIMES, MOST_UNPACKED, regular_file
from unroll.errors import UserError

SUFFIXES = (".npz", ".npy")
VALUES = ("values", "x", "x_train", "data", "inputs", "features", "sequences", "signals", "arr_0")
LABELS = ("labels", "y", "y_train", "label", "targets", "target", "classes", "arr_1")
LENGTHS = ("lengths", "length", "lens")


@dataclass(frozen=True)
class ArrayFile:
    """Sequences of numbers with their labels.

    Attributes:
        values: [T, F] each, as float64.
        labels: the label of each sequence, or those of its steps; None where there are none.
        guesses: which arrays were read, for people.
    """

    values: list[np.ndarray]
    labels: list[str] | list[list[str]] | None
    guesses: tuple[str, ...] = ()

    @property
    def per_step(self) -> bool:
        """Whether each step has a label."""
        return bool(self.labels) and isinstance(self.labels[0], list)  # type: ignore[index]


def is_array_file(path: str | Path) -> bool:
    """Whether a name is that of a file of arrays."""
    return str(path).lower().endswith(SUFFIXES)


def label_text(label: Any) -> str:
    """A label as text: a whole number without its point."""
    if isinstance(label, (float, np.floating)) and float(label).is_integer():
        return str(int(label))
    return str(label).strip()


def write_arrays(path: Path, values: Sequence[np.ndarray], labels: Sequence[Any] | None) -> None:
    """Write sequences [T, F] end to end with their lengths, and their labels as texts.

    Raises:
        UserError: for sequences of different widths, and labels that do not fit.
    """
    widths = {rows.shape[1] for rows in values}
    if len(widths) > 1:
        row = next(k for k, rows in enumerate(values) if rows.shape[1] != values[0].shape[1])
        raise UserError(
            f"Sequence {row} has {values[row].shape[1]} numbers in a step, and sequence 0 has "
            f"{values[0].shape[1]}; expected the same width in all: [T, F] each."
        )
    arrays = {
        "values": np.concatenate(values),
        "lengths": np.array([len(rows) for rows in values], dtype=np.int64),
    }
    if labels is not None:
        steps = [np.atleast_1d(np.asarray(label)) for label in labels]
        per_step = any(not isinstance(label, str) and np.ndim(label) > 0 for label in labels)
        bad = next(
            (k for k, own in enumerate(steps) if per_step and len(own) != len(values[k])), None
        )
        if bad is not None:
            raise UserError(
                f"Sequence {bad} has {len(values[bad])} steps and {len(steps[bad])} labels; expected "
                "one label for each sequence, or one for each step."
            )
        words = [label_text(label) for own in steps for label in own.tolist()]
        arrays["labels"] = np.array(words, dtype=np.str_)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def read_arrays(path: str | Path, name: str | None = None) -> ArrayFile:
    """The sequences of a file of arrays.

    When to use it: a .npz with an array [N, T, F] or [N, T] and its labels, or with sequences end to
    end and their lengths; a .npy holds no labels.

    Args:
        path: the file.
        name: what the user called it, for errors. Default: the path.

    Raises:
        UserError: for a file that is none, or holds no such arrays.
    """
    name = name or str(path)
    file = regular_file(path, name, "a file of arrays")
    try:
        arrays = load_arrays(file)
    except (OSError, KeyError, MemoryError, *BAD_ZIP) as error:
        if isinstance(error, OSError) and error.strerror:
            raise UserError(f"{name} cannot be read: {error.strerror}.") from error
        raise UserError(
            f"{name} is damaged, or holds objects of Python; expected arrays of numbers, as "
            "numpy.savez(file, X=..., y=...) writes them."
        ) from error
    key = find_key(arrays, VALUES)
    if key is None:
        raise UserError(
            f"{name} holds the arrays {', '.join(arrays) or 'none'}; expected X with [N, T, F] or "
            "[N, T], and y with the labels."
        )
    labels_key, lengths_key = find_key(arrays, LABELS), find_key(arrays, LENGTHS)
    values = cut(arrays[key], arrays.get(lengths_key or ""), f"{name}, array {key}")
    labels = None if labels_key is None else arrays[labels_key]
    unread = [each for each in arrays if each not in (key, labels_key, lengths_key)]
    guesses = (f"sequences: array {key}", *([f"labels: array {labels_key}"] if labels_key else []))
    if unread:
        guesses = (*guesses, f"not read: {', '.join(unread)[:80]}")
    return ArrayFile(values, None if labels is None else fitted(labels, values, name), guesses)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of a .npz by its name, or that of a .npy as `values`.

    Raises:
        ValueError: for objects of Python, and for a header that promises more than the file holds.
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            return {"values": read_array(file, path.stat().st_size)}
    arrays = {}
    with zipfile.ZipFile(path) as packed:
        for member in packed.infolist():
            with packed.open(member) as file:
                most = max(MOST_UNPACKED, MOST_TIMES * member.compress_size)
                name = member.filename.removesuffix(".npy")
                arrays[name] = read_array(file, min(member.file_size, most))
    return arrays


def read_array(file: IO[bytes], size: int) -> np.ndarray:
    """The array in an open file of this size in bytes, whose header is compared with it first."""
    version = np.lib.format.read_magic(file)
    header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        shape, by_column, dtype = header[version](file)
    except Exception as error:  # whatever a parser of Python raises
        raise ValueError("a header that is none") from error
    count = math.prod(shape)
    if dtype.hasobject or count * dtype.itemsize > size:
        raise ValueError("objects, or more than the file holds")
    content = file.read(count * dtype.itemsize)
    values = np.frombuffer(content, dtype=dtype, count=count)
    return values.reshape(shape, order="F" if by_column else "C")


def find_key(arrays: dict[str, np.ndarray], names: Sequence[str]) -> str | None:
    """The first array with one of these names, whatever its case."""
    lower = {key.lower(): key for key in arrays}
    return next((lower[each] for each in names if each in lower), None)


def cut(values: np.ndarray, lengths: np.ndarray | None, where: str) -> list[np.ndarray]:
    """The sequences [T, F] of one array: [N, T, F], [N, T], or [steps, F] with their lengths.

    Raises:
        UserError: for another shape, and anything but real numbers.
    """
    if values.dtype.kind not in "biuf" or not values.size:
        raise UserError(f"{where} is {values.dtype} {list(values.shape)}; expected real numbers.")
    if lengths is not None and values.ndim in (1, 2) and lengths.ndim == 1:
        if lengths.dtype.kind not in "iu" or lengths.sum() != len(values) or (lengths < 0).any():
            raise UserError(
                f"{where} has {len(values):,} steps, and the lengths sum up to {lengths.sum():,}; "
                "expected the same."
            )
        rows = values.astype(np.float64).reshape(len(values), -1)
        return np.split(rows, np.cumsum(lengths)[:-1])
    if values.ndim not in (2, 3):
        raise UserError(
            f"{where} has the shape {list(values.shape)}; expected [N, T, F] (sequences, steps, "
            "numbers of a step), or [N, T]."
        )
    return [without_padding(row) for row in values]


def without_padding(values: np.ndarray) -> np.ndarray:
    """A sequence [T, F] from [T] or [T, F]; steps at its end that are all NaN are padding."""
    rows = values.astype(np.float64).reshape(len(values), math.prod(values.shape[1:]))
    known = np.flatnonzero(~np.isnan(rows).all(1))
    return rows[: known[-1] + 1] if len(known) else rows[:0]


def fitted(
    labels: np.ndarray, values: Sequence[np.ndarray], name: str
) -> list[str] | list[list[str]]:
    """The labels of the sequences, or of the steps of each.

    Raises:
        UserError: where there are as many as neither.
    """
    steps = sum(map(len, values))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 1 and len(labels) == len(values):
        return [label_text(label) for label in labels.tolist()]
    if labels.ndim == 2 and len(labels) == len(values):
        return [
            [label_text(label) for label in own[: len(rows)].tolist()]
            for own, rows in zip(labels, values, strict=True)
        ]
    if labels.ndim == 1 and len(labels) == steps:
        parts = np.split(labels, np.cumsum([len(rows) for rows in values])[:-1])
        return [[label_text(label) for label in own.tolist()] for own in parts]
    raise UserError(
        f"{name} holds {len(values):,} sequences of {steps:,} steps, and {list(labels.shape)} labels; "
        "expected one label for each sequence, or for each step."
    )
