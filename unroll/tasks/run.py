"""A trained model with its folder: evaluate, predict, explain."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, overload

import torch

from unroll.engine.memory.bounded import bounded
from unroll.errors import UserError
from unroll.in_memory.answers import frame_beside, new_frame, word_rows
from unroll.in_memory.array_file import is_array_file, read_arrays
from unroll.in_memory.columns import refuse_other_columns
from unroll.in_memory.forms import is_path
from unroll.in_memory.inputs import (
    MemoryInputs,
    column_of_inputs,
    empty_rows,
    missing_inputs,
    read_inputs,
    refuse_empty_rows,
    refuse_other_number,
    table_as_file,
    with_empty_rows,
)
from unroll.in_memory.source import COLUMN_SETTINGS, open_data
from unroll.in_memory.tables import MemoryTable
from unroll.layers.explain import explain, explanations
from unroll.saved_files import MOST_BYTES, Damaged, check_record, parse_json, read_whole
from unroll.settings import RecurrentSettings, settings_from
from unroll.tasks import load_task, settings_of
from unroll.tasks.base import Progress, Trained
from unroll.tasks.grouped import group_table
from unroll.tasks.recorded_run import check_needed, recorded_settings
from unroll.tasks.recorded_sizes import check_sizes
from unroll.tasks.run_page import run_page
from unroll.training.checkpoint import describe_damage, load_model, sound_checkpoints
from unroll.training.folder import RunFolder
from unroll.training.run_cell import recorded_cell, trust_flag

PATHS_ARE_INPUTS = ("caption", "frames", "transcribe")  # tasks whose inputs are files


def bound_by(settings: RecurrentSettings) -> AbstractContextManager[None]:
    """A block in which backpropagation is bounded to the memory that the settings allow."""
    return bounded(memory=settings.memory, segment_length=settings.segment_length)


class Run:
    """A trained model with its folder: `unroll.train` and `unroll.load` return it.

    Attributes:
        folder: the run folder, with its manifest and lock.
        config: what the folder recorded: versions, task, settings, data.
        task_name: "classify", "language", ...
        task: the task of this name.
        recorded: the settings that the run was trained with.
        settings: those in use, which `adjust` changes; bad records are refused unless it says otherwise.
        preprocessor: what turns records into numbers and network outputs into words.
        model: the network, on its device, in eval mode.
        device: where the network is.
        warnings: sentences about damage that was worked around.

    Raises:
        UserError: for a folder that cannot be used, a cell file that is not trusted, and inputs, data
            and settings that do not fit the run.
    """

    # a run is of any task: subclasses of one task say of which class these are
    recorded: Any
    settings: Any
    preprocessor: Any
    model: Any

    def __init__(self, folder: RunFolder, device: torch.device, trust_code: bool = False) -> None:
        self.folder, self.device = folder, device
        self.config = folder.config()
        self.task_name: str = self.config["task"]
        self.task = load_task(self.task_name)
        self.recorded = recorded_settings(folder, self.config)
        # bad records of the training data were let pass, not those of every later file
        strict = {"skip_bad": False} if "skip_bad" in type(self.recorded).model_fields else {}
        self.settings = self.recorded.model_copy(update=strict)
        self.warnings: list[str] = []
        check_needed(folder)
        cell = recorded_cell(folder, self.settings, trust_code)
        self.preprocessor = self.task.load_preprocessor(folder.path, self.config)
        check_sizes(self.task, folder.path, self.settings, self.preprocessor, cell.make)
        self.model = self.task.network(self.settings, self.preprocessor, cell.make)
        self._load_weights()
        self.model.to(device).eval()

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def trained(self) -> Trained[Any, Any, Any]:
        """What the methods of the task take."""
        named = frozenset(self.config.get("given", {}))
        return Trained(self.model, self.preprocessor, self.settings, self.device, self.path, named)

    @property
    def column_names(self) -> dict[str, str]:
        """The columns of the training data, by the settings that name them.

        Those of a table from Python are recorded beside the settings, which name those of its file.
        """
        names = (*COLUMN_SETTINGS, "word", "tag")
        changed = {
            n: v
            for n in names
            if (v := getattr(self.settings, n, None)) != getattr(self.recorded, n, None)
        }
        found = {name: getattr(self.settings, name, None) for name in names}
        found |= {**self.config.get("columns", {}), **changed}
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def adjust(self, **changes: Any) -> None:
        """Change settings of how the run is used, such as the width of a beam; the folder keeps its own.

        Args:
            changes: settings by name; those that can be changed are the task's `changeable`.

        Raises:
            UserError: for a setting that training has fixed, or a value that cannot be.
        """
        changeable = self.task.changeable
        for name in changes:
            if name not in changeable:
                expected = f"one of {', '.join(changeable)}" if changeable else "no setting"
                raise UserError(
                    f"--set got {name}=..., which cannot be changed in a trained run of the task "
                    f"{self.task_name}; expected {expected}. Leave it out."
                )
        checked = settings_from(settings_of(self.task_name), changes).model_dump()
        self.settings = self.settings.model_copy(update={name: checked[name] for name in changes})

    def evaluate(
        self, data: Any, progress: Progress | None = None, *, labels: Any = None, **columns: str
    ) -> dict[str, Any]:
        """The metrics of further data, beside those of simple baselines (`baselines`).

        Args:
            data: a file or folder of the kind that the run was trained on, or data from Python.
            progress: called with the share that is done, 0 to 1.
            labels: one for each record of data from Python. Default: in the data.
            columns: names of columns (`text`, ...), where they are not those of training; `by`: one that
                names groups, whose metrics are `groups` then.

        Raises:
            UserError: for data that cannot be read, or a column that the task does not have.
        """
        self.task.check_columns(columns)
        with open_data(
            data,
            columns,
            labels=labels,
            task=self.task_name,
            like=self.column_names,
            named=self.trained.named,
        ) as source:
            if source.table is not None and self.task_name == "classify":
                wanted = [name for name in ("text", "label") if name not in columns]
                self._refuse_other_columns(source.table, wanted)
            columns = {name: each for name, each in columns.items() if name not in source.read}
            metrics = self.task.evaluate(
                self.trained, source.path, progress or no_progress, columns
            )
            said: dict[str, Any] = source.wordings.say(dict(metrics))
        return said

    @overload
    def predict(self, inputs: str, *, as_frame: Literal[False] = False) -> dict[str, Any]: ...

    @overload
    def predict(
        self, inputs: list[str] | list[dict[str, Any]], *, as_frame: Literal[False] = False
    ) -> list[dict[str, Any]]: ...

    @overload
    def predict(self, inputs: Any, *, as_frame: bool = False) -> Any: ...

    def predict(self, inputs: Any, *, as_frame: bool = False) -> Any:
        """The prediction for an input, or those for several, in the form that they came in.

        Args:
            inputs: a text, a record, a sequence [T, F], an image or a sound is one input. A DataFrame
                (pandas, polars, Arrow), a Series, an array [N, T, F], a dictionary of columns, a list
                or any other iterable holds several.
            as_frame: whether the predictions for a list or an array come as a DataFrame too.

        Returns:
            For one input a dictionary, as JSON holds it; for several a list of them. For a DataFrame a
            copy with the columns `prediction` and `probability`, its index kept; a forecast has its own
            rows, one for each step.

        Raises:
            UserError: for an input that the task cannot read, and for tasks that predict nothing.
        """
        if isinstance(inputs, os.PathLike) and self.task_name not in PATHS_ARE_INPUTS:
            raise UserError(
                f"Got the path {os.fspath(inputs)} as an input of a run of the task {self.task_name}. For "
                "the records of a file: run.predict_file(path)."
            )
        given = self._read_inputs(inputs, series=self.task_name == "forecast")
        predictions = self._predictions(given)
        if given.frame is None and not as_frame:
            return predictions[0] if given.single else predictions
        words = given.sentences() if self.task_name == "tag" else None
        if words is not None:
            parts = [word_rows(*each) for each in zip(predictions, words, strict=True)]
        else:
            parts = [self.task.prediction_rows(one) for one in predictions]
        rows = [row for part in parts for row in part]
        if given.frame is not None and self.task.predicts_rows(self.trained):
            return frame_beside(given.frame, rows)
        return new_frame(given.frame, rows, given.index)

    # what runs of language models and of tunes can do: each has its own, and no other run has any

    def read(self, text: str, *, state: Any = None, condition: str | None = None) -> Any:
        """The state after a text, to go on from with `state=`, by a language model.

        Raises:
            UserError: for a run of another task.
        """
        raise self._writes_nothing("read")

    def state_from_bytes(self, content: bytes) -> Any:
        """The state that `state.to_bytes()` made, by a language model.

        Raises:
            UserError: for a run of another task.
        """
        raise self._writes_nothing("state_from_bytes")

    def generate(self, prompt: str = "", length: int = 400, **sampling: Any) -> str:
        """The prompt and what follows it, by a language model; a tune, by a model of tunes.

        Raises:
            UserError: for a run of another task.
        """
        raise self._writes_nothing("generate")

    def stream(
        self,
        prompt: str = "",
        length: int = 400,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        condition: str | None = None,
        unknown: bool = False,
        state: Any = None,
    ) -> Iterator[str]:
        """What follows the prompt, piece by piece, by a language model.

        Raises:
            UserError: for a run of another task.
        """
        raise self._writes_nothing("stream")

    def next(
        self, text: str = "", top: int = 10, condition: str | None = None, *, state: Any = None
    ) -> list[dict[str, Any]]:
        """The most likely next tokens after a text, by a language model.

        Raises:
            UserError: for a run of another task.
        """
        raise self._writes_nothing("next")

    def score(self, text: str, condition: str | None = None, *, state: Any = None) -> Any:
        """The log-probability of a text, by a language model; the notes of a tune.

        Raises:
            UserError: for a run of another task.
        """
        raise self._writes_nothing("score")

    def _writes_nothing(self, method: str) -> UserError:
        return UserError(
            f"{self.path} is a run of the task {self.task_name}, which has no {method}; expected a run "
            "of the task language. Use run.predict(...) or run.evaluate(...)."
        )

    def predict_iterator(self, inputs: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """A prediction for each input, in order, each made when it is asked for.

        Args:
            inputs: texts, dictionaries, paths: whatever the task takes.
        """
        return self.task.predict(self.trained, inputs)

    def predict_file(self, path: Any) -> Iterator[dict[str, Any]]:
        """A prediction for each record of a file, in order.

        Args:
            path: a file of the kind that the run was trained on, or a table from Python; targets in it
                are not needed.
        """
        if not is_path(path):
            return iter(self._predictions(self._read_inputs(path)))
        if self.task_name == "frames" and is_array_file(path) and Path(path).is_file():
            return self.predict_iterator(read_arrays(path).values)
        return self.task.predict(self.trained, self.task.read_inputs(self.trained, str(path)))

    def _read_inputs(self, inputs: Any, *, series: bool = False) -> MemoryInputs:
        """Inputs from Python; of a table in the column that the run reads."""
        step_size = self.task.step_size(self.preprocessor)
        given = read_inputs(inputs, step_size, series=series, skip_bad=self._skips_bad)
        names = self.task.input_columns
        if not names:
            return given
        return given.in_columns_of(self.column_names, names[0], self.trained.named)

    def _predictions(self, given: MemoryInputs) -> list[dict[str, Any]]:
        """The predictions for inputs from Python, in order."""
        table = given.table
        if table is None:
            return list(self.predict_iterator(given.items or []))
        by_row, skip_bad = self.task.predicts_rows(self.trained), self._skips_bad
        empty = empty_rows(table) if by_row and skip_bad else {}
        if by_row and not skip_bad:
            refuse_empty_rows(table)
        sentences = given.sentences() if self.task_name == "tag" else None
        if sentences is not None:
            return list(self.predict_iterator(sentences))
        if names := self.task.input_columns:
            cells = column_of_inputs(table, names, given.column)
            cells = missing_inputs(table, cells, skip_bad)
            predictions = list(self.predict_iterator(cells))
        else:
            if self.task_name == "classify":
                self._refuse_other_columns(table, ["text"])
            with table_as_file(table, self.column_names) as (path, wordings):
                inputs = self.task.read_inputs(self.trained, path)
                found = self.task.predict(self.trained, inputs)
                predictions = [wordings.say(one) for one in found]
        if by_row:
            predictions = with_empty_rows(predictions, empty, len(table))
            refuse_other_number(table, len(predictions))
        return predictions

    @property
    def _skips_bad(self) -> bool:
        return bool(getattr(self.settings, "skip_bad", False))

    def _refuse_other_columns(self, table: MemoryTable, wanted: Iterable[str]) -> None:
        """Refuse a table from Python without the columns of the run, as of `refuse_other_columns`."""
        names = {name: self.column_names.get(name) for name in wanted}
        refuse_other_columns(table, names, self.trained.named)

    def plot(self, data: Any) -> str:
        """The predictions for a file as a drawing (SVG).

        Raises:
            UserError: for tasks that draw nothing.
        """
        with open_data(data, {}, task=self.task_name, like=self.column_names) as source:
            return self.task.plot(self.trained, source.path)

    def format_prediction(self, prediction: dict[str, Any]) -> str:
        """A prediction as people read it, or as the task's own files have it."""
        return self.task.format_prediction(prediction)

    def summarise(self, metrics: dict[str, Any], where: str) -> list[str]:
        """The metrics that `evaluate` returned, as sentences.

        Args:
            metrics: of `evaluate`, or of `result`.
            where: what they were measured on, for people.
        """
        table = group_table(metrics.get("groups", {}), self.task.format_metrics)
        return self.task.summarise(metrics, where) + table

    def __repr__(self) -> str:
        used = self.recorded
        size = f"{used.cell} {used.layers}x{used.hidden}"
        return f"<{type(self).__name__} {self.path}: {self.task_name}, {size}>"

    def _repr_html_(self) -> str:
        return run_page(self)

    def usage(self) -> list[str]:
        """Commands to type next."""
        name = shlex.quote(str(self.path)) + trust_flag(self.settings)
        return self.task.usage(name, self.trained)

    def result(self) -> dict[str, Any]:
        """The validation metrics of the finished run, as `result.json` holds them; empty before."""
        path = self.path / "result.json"
        if not path.exists():
            return {}
        content = read_whole(self.path, path.name, MOST_BYTES)
        return check_record(parse_json(content, path, finite=False), dict[str, Any], path)

    def explain(self) -> str:
        """Which backend runs each part of the model, why, and what the compiler makes of it."""
        with bound_by(self.settings):
            return explain(self.model)

    def explanations(self) -> list[dict[str, Any]]:
        """The same as numbers and words: a dictionary for each recurrent part."""
        with bound_by(self.settings):
            return [part.as_dict() for part in explanations(self.model)]

    def _load_weights(self) -> None:
        """The best weights, or those of the newest whole checkpoint with a warning."""
        try:
            load_model(self.path, self.model)
            return
        except Damaged as damage:
            trouble = str(damage)
        for folder in sound_checkpoints(self.path, self.warnings):
            try:
                load_model(folder, self.model)
            except Damaged as damage:
                self.warnings.append(describe_damage(folder, damage))
                continue
            self.warnings.insert(0, f"{trouble}. The weights of {folder.name} are used instead.")
            return
        raise UserError(f"The run {self.path} has no undamaged weights: {trouble}. Train it again.")


def no_progress(share: float) -> None:
    """Reports no progress."""
