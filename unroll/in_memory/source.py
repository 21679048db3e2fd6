"""The one entry for data: a path as it is, and anything else as a file that is there for a while."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.in_memory.array_file import is_array_file, read_arrays
from unroll.in_memory.columns import (
    decided_task,
    fit_to_task,
    in_columns_of,
    labelled_columns,
    renamed_like,
    tagged_in,
    with_names_of,
)
from unroll.in_memory.files import write_data
from unroll.in_memory.forms import MemoryArrays, is_path, recognise
from unroll.in_memory.tables import MemoryTable, column_name, is_frame
from unroll.in_memory.wording import Wording, Wordings
from unroll.paths import refuse_impossible_path

# settings that name a column of a table
COLUMN_SETTINGS = (
    "text", "label", "id", "columns", "source", "target", "time", "by", "known", "covariates",
    "video", "audio", "image", "caption", "strokes", "speaker", "condition",
)  # fmt: skip
# those of the tasks whose files hold nothing but these columns, the one of the inputs first
READ: dict[str, tuple[str, ...]] = {
    "tag": ("word", "tag"), "translate": ("source", "target"), "language": ("text",)
}  # fmt: skip
MARK = "from Python, SHA-256 "  # in the record of a validation set


@dataclass(frozen=True)
class DataSource:
    """Data that can be read from a path.

    Attributes:
        path: what the tasks read.
        stem: of the run folder, where none is named.
        values: the settings, with the path of the validation set.
        wordings: how files of data from Python are spoken of.
        task: the task that the form of the data decides, and why; None where the file decides.
        recorded: what the config of a run keeps in the place of each path.
        messages: what was chosen and changed, for people.
        table: what the file holds, where it is a table from Python.
        arrays: the user's file of arrays, where it was put into another form.
        read: the columns of a table from Python that were read, where its file has others.
    """

    path: str
    stem: str
    values: Mapping[str, Any]
    wordings: Wordings = field(default_factory=Wordings)
    task: tuple[str, str] | None = None
    recorded: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[str, ...] = ()
    table: MemoryTable | None = None
    arrays: str | None = None
    read: Mapping[str, str] = field(default_factory=dict)

    def values_for(self, task: str) -> Mapping[str, Any]:
        """The settings of a task, with the columns of text and label of a table whose names are known."""
        if self.table is None or task != "classify":
            return self.values
        return {**self.values, **labelled_columns(self.table, self.values)}

    @property
    def is_path(self) -> bool:
        """Whether the user gave a path."""
        return (
            self.arrays is not None
            or not self.wordings.all
            or str(self.wordings.all[0].path) != self.path
        )

    @property
    def name(self) -> str:
        """What the data is called: the path, or "the DataFrame of 900 rows"."""
        if self.arrays is not None:
            return self.arrays
        return self.path if self.is_path else self.wordings.all[0].name

    def record(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config of a run without the paths of files that are gone when it ends."""
        kept = dict(config)
        settings = dict(kept["settings"])
        for name, value in settings.items():
            if isinstance(value, str) and value in self.recorded:
                settings[name] = self.recorded[value]
        kept["settings"] = settings
        if self.arrays is not None:
            kept["data"] = {**kept["data"], "path": str(Path(self.arrays).absolute())}
        if not self.is_path:
            kept["data"] = {**kept["data"], "path": self.name, "from_python": True}
        if self.read:
            kept["columns"] = dict(self.read)
        said: dict[str, Any] = self.wordings.say(kept)
        return said

    def restored(self, name: str, recorded: Any) -> Any:
        """The value of a recorded setting: the path where data from Python lies this time.

        Raises:
            UserError: where the run had a validation set from Python that was not given again, or
                another one.
        """
        if not isinstance(recorded, str) or MARK not in recorded:
            return recorded
        given = self.values.get(name)
        if given is None:
            raise UserError(
                f"The run was trained with {name}={recorded}. Give the same data again: {name}=..."
            )
        if self.recorded.get(str(given)) != recorded:
            raise UserError(
                f"The data of {name}= differs from that of the run, {recorded}. Give the same data, or "
                "start a new run by another out=."
            )
        return given


@dataclass(frozen=True)
class WrittenData:
    """Data from Python in its file.

    Attributes:
        wording: how the file is spoken of, its path among it.
        task: the task that the form of the data decided, and why.
        values: the settings, with the columns that were found.
        messages: what was chosen and changed, for people.
        table: what the file holds, where it is a table.
        read: the columns that were read, where the file has others.
    """

    wording: Wording
    task: tuple[str, str] | None
    values: Mapping[str, Any]
    messages: tuple[str, ...]
    table: MemoryTable | None = None
    read: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def open_data(
    data: Any,
    values: Mapping[str, Any],
    *,
    labels: Any = None,
    task: str | None = None,
    like: Mapping[str, Any] | None = None,
    named: Collection[str] = (),
) -> Iterator[DataSource]:
    """Data of any form as a path, as long as the block runs; errors speak of what was given.

    Args:
        data: a path, "-", or data from Python.
        values: the settings by name; `valid` may be data from Python too.
        labels: one for each record. Default: in the data.
        task: the task, where it is known.
        like: the settings of a run that name the columns of its training data, which this data is for.
        named: the settings that the user gave in the training of that run.

    Raises:
        UserError: for anything that holds no data.

    Examples:
        >>> from pathlib import Path
        >>> from unroll.in_memory.source import open_data
        >>> with open_data({"text": ["Good."], "label": ["pos"]}, {}) as source:
        ...     print(source.name, Path(source.path).read_text().split())
        the dictionary of columns of 1 row ['text,label', 'Good.,pos']
    """
    values = joined_columns(values)
    valid = values.get("valid")
    valid_is_path = valid is None or is_path(valid)
    for given, what in ((data, "The data"), (valid, "--valid")):
        if given is not None and is_path(given):
            with texts_told(given):
                refuse_impossible_path(os.fspath(given), what)
    arrays = None
    if labels is None and is_path(data) and frame_labels(data, task):
        arrays = os.fspath(data)
        found = read_arrays(arrays)
        kind = f"file {Path(data).name}"
        data = MemoryArrays(found.values, found.labels, kind)
    if is_path(data) and valid_is_path:
        if labels is not None:
            raise UserError(
                f"labels= is given beside the path {data}; a file holds its labels itself. Name their "
                "column by label=."
            )
        with texts_told(data):
            yield DataSource(os.fspath(data), stem_of(os.fspath(data)), values)
        return
    with tempfile.TemporaryDirectory(prefix="unroll-") as place:
        folder = Path(place)
        if is_path(data):
            path = os.fspath(data)
            source = DataSource(path, stem_of(path), values)
        else:
            own = write_in(folder / "data", data, labels, task, values, like, named)
            wordings = Wordings((own.wording,))
            source = DataSource(
                str(own.wording.path), "data" if arrays is None else stem_of(arrays), own.values,
                wordings, own.task, messages=own.messages, table=own.table, arrays=arrays,
                read=own.read,
            )  # fmt: skip
            task = task or (own.task[0] if own.task else None)
        if not valid_is_path:
            other = write_in(
                folder / "valid", valid, None, task, source.values, dict(source.read) or None
            ).wording
            digest = hashlib.sha256(other.path.read_bytes()).hexdigest()
            source = replace(
                source,
                values={**source.values, "valid": str(other.path)},
                wordings=Wordings((*source.wordings.all, other)),
                recorded={str(other.path): f"{other.name} {MARK}{digest}"},
            )
        with source.wordings.errors():
            yield source


@contextmanager
def texts_told(data: Any) -> Iterator[None]:
    """A block whose errors tell how a text is given, where a missing path looks like one."""
    try:
        yield
    except UserError as error:
        said = str(error)
        suffix = Path(data).suffix if isinstance(data, str) and "/" not in data else ".none"
        is_word = not suffix or " " in suffix  # "a text. Another" has no suffix
        missing = is_word and said.startswith("There is no file or folder")
        if missing or said.startswith("The data got"):
            error.args = (f"{said} In Python, a text is given in a list: [text].",)
        raise


def joined_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with lists of columns as the names with commas between them."""
    return {
        name: ",".join(value)
        if name in COLUMN_SETTINGS
        and isinstance(value, (list, tuple))
        and value
        and all(isinstance(each, str) and "," not in each for each in value)
        else value
        for name, value in values.items()
    }


def frame_labels(path: str | os.PathLike[str], task: str | None) -> bool:
    """Whether a file of arrays has a label for each step, or is read so by its task."""
    if not is_array_file(os.fspath(path)) or not Path(path).is_file() or task == "classify":
        return False
    return task == "frames" or read_arrays(os.fspath(path)).per_step


def stem_of(path: str) -> str:
    """The name of a run folder after its data."""
    return "stdin" if path == "-" else Path(path).name.split(".")[0] or "run"


def write_in(
    folder: Path,
    data: Any,
    labels: Any,
    task: str | None,
    values: Mapping[str, Any],
    like: Mapping[str, Any] | None = None,
    named: Collection[str] = (),
) -> WrittenData:
    """Write data into a folder of its own, in the form of the task.

    Args:
        folder: which is made.
        data: from Python.
        labels: one for each record, or None.
        task: the task, where it is known.
        values: the settings by name.
        like: the settings of a run that name columns, where the data is for one.
        named: the settings that the user gave in the training of that run.

    Raises:
        UserError: for anything that holds no such data.
    """
    found = recognise(data, labels, task)
    asked = values
    inputs = data[0] if isinstance(data, tuple) and len(data) == 2 else data
    has_names = is_frame(inputs) or isinstance(inputs, Mapping)
    has_names = has_names or getattr(found, "kind", "") == "list of records"
    beside = labels is not None or inputs is not data
    if like is not None and isinstance(found, MemoryTable):
        found = renamed_like(found, like)
        unnamed = ("text", "label") if not has_names else ("label",) if beside else ()
        if task == "classify":
            found = with_names_of(found, like, unnamed)
        elif task in READ and has_names:
            settings = READ[task][:1] if beside else READ[task]
            found, own = in_place_of(found, task, settings, {**like, **values}, named)
            values = {**values, **own}
    chosen = None if task is not None else decided_task(found)
    task = task or (chosen[0] if chosen else None)
    if isinstance(found, MemoryTable) and found.numbered:
        values = named_columns(values)
    fitted = fit_to_task(found, task, values)
    if task == "translate" and like is not None and isinstance(fitted.data, MemoryTable):
        fitted = replace(fitted, data=pairs_named_like(fitted.data, {**like, **asked}))
    values = {**values, **fitted.settings}
    folder.mkdir()
    wording, messages = write_data(fitted.data, folder, task, values)
    table = fitted.data if isinstance(fitted.data, MemoryTable) else None
    read = fitted.read if has_names and not beside else {}
    return WrittenData(wording, chosen, values, (*fitted.messages, *messages), table, read)


def pairs_named_like(table: MemoryTable, names: Mapping[str, Any]) -> MemoryTable:
    """Pairs whose columns have the names by which a run, or the user, calls them."""
    wanted = [str(names.get(setting) or "") for setting in READ["translate"]]
    wanted += table.names[2:]  # that of the group
    own = [
        new if new and not new.isdigit() else old
        for new, old in zip(wanted, table.names, strict=True)
    ]
    return replace(table, names=tuple(own))


def in_place_of(
    table: MemoryTable,
    task: str,
    settings: Sequence[str],
    names: Mapping[str, Any],
    named: Collection[str],
) -> tuple[MemoryTable, dict[str, str]]:
    """A table for a run of one of the tasks in `READ`, and its columns by the settings that name them.

    Args:
        table: whose columns the user named.
        task: of the run.
        settings: those that name the columns that are read.
        names: the settings of the run that name columns.
        named: the settings that the user gave in training.

    Raises:
        UserError: where a column of the run is missing, and another one would be a guess.
    """
    found = in_columns_of(table, names, settings, named)
    if task != "tag":
        return table, found
    if "word" in found and len(settings) > 1:
        table = tagged_in(table, found["word"], found.get("tag"))
    return table, {}


def named_columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with the names that numbered columns have in the file."""
    return {
        name: column_name(value) if name in COLUMN_SETTINGS and is_number(value) else value
        for name, value in values.items()
    }


def is_number(value: Any) -> bool:
    """Whether a column is named by a number, as in a DataFrame of an array."""
    return isinstance(value, int) and not isinstance(value, bool)
