"""What a task is to the training loop, the run folder and the commands: one typed abstract class.

Letters: S settings, D data, P preprocessor, N network, M metrics, R prediction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar

import torch
from torch import nn

from unroll.cells import Cell
from unroll.errors import UserError
from unroll.models.start import with_start
from unroll.settings import RecurrentSettings
from unroll.tasks.pictures import TaskPicture
from unroll.training.objective import Objective

MakeCell = Callable[[int, int], Cell]  # (input_size, hidden_size) -> a cell; raises UserError
Log = Callable[[str], None]  # takes one sentence for people
# what a prediction is in one cell of a table: the first of these that it has
ANSWERS = ("label", "labels", "tags", "translation", "caption", "text", "nats")
Progress = Callable[[float], None]  # takes the share that is done, 0 to 1


class Preprocessor(Protocol):
    """What turns records into numbers and network outputs into words: vocabularies, labels, scales.

    It is learned from the training set and kept in the run folder.
    """

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it, by name."""
        ...


P_co = TypeVar("P_co", bound=Preprocessor, covariant=True)


class TaskData(Protocol[P_co]):
    """A training set and a validation set, as a task keeps them."""

    @property
    def preprocessor(self) -> P_co:
        """Learned from the training set, or the run's own where a run is resumed."""
        ...

    @property
    def sha256(self) -> str:
        """Of the training set, so that a resumed run gets the same data."""
        ...

    @property
    def validation_set(self) -> str:
        """What the validation set is, for people: "the last tenth of lines.txt"."""
        ...


S = TypeVar("S", bound=RecurrentSettings)
P = TypeVar("P", bound=Preprocessor)
D = TypeVar("D", bound=TaskData[Preprocessor])
N = TypeVar("N", bound=nn.Module)
M = TypeVar("M", bound=Mapping[str, object])
R = TypeVar("R", bound=Mapping[str, object])


@dataclass(frozen=True)
class Trained(Generic[S, P, N]):
    """A trained model and what it needs to read inputs and write predictions.

    Attributes:
        model: the network, on its device.
        preprocessor: learned from the training set.
        settings: those in use, which may differ from those of training.
        device: where the network is.
        path: the run folder.
        named: the settings that the user gave in training.
        seconds: that metrics of the validation set, or the simple model's second fit, may take, where
            training has a budget of seconds: what decodes takes as many records as fit. None: all of
            them.
    """

    model: N
    preprocessor: P
    settings: S
    device: torch.device
    path: Path
    named: frozenset[str] = frozenset()
    seconds: float | None = None


class Task(ABC, Generic[S, D, P, N, M, R]):
    """One task: from data to a trained network, its metrics and its predictions.

    A subclass is in `unroll/tasks/NAME/task.py`, its settings in `unroll/tasks/NAME/settings.py`,
    and one row in `unroll/tasks/__init__.py` names both. Methods that are not abstract are optional.

    Attributes:
        name: the word of `--task`.
        changeable: the settings that may be changed each time a trained run is used.
        column_settings: the settings that name a column; further data may have other columns.
        input_columns: the names of columns of a table in memory that may hold the inputs, the setting
            that names it in training first; empty where `read_inputs` reads tables.
        has_groups: whether `evaluate` takes a column `by`, and returns the metrics of each of its groups
            as `groups` beside those of all records (`unroll.tasks.grouped`).

    Raises:
        UserError: from every method, in a sentence, for data and settings that cannot be used.
    """

    name: ClassVar[str]
    changeable: ClassVar[tuple[str, ...]] = ()
    input_columns: ClassVar[tuple[str, ...]] = ()
    column_settings: ClassVar[tuple[str, ...]] = ()
    has_groups: ClassVar[bool] = False

    # before and during training

    @abstractmethod
    def resolve_sizes(self, settings: S, make_cell: MakeCell) -> S:
        """Give every size that was left open its number, before data is read; a cell is made once."""

    @abstractmethod
    def read(self, path: str, settings: S, log: Log, preprocessor: P | None = None) -> D:
        """Read the training set and the validation set.

        Args:
            path: a file, a folder, or "-" for standard input.
            settings: what to read, and how.
            log: takes what is worth saying while a long file is read.
            preprocessor: the run's own where a run is resumed. Default: learned from the training set.
        """

    @abstractmethod
    def resolve(self, settings: S, data: D) -> S:
        """Give every other setting that was left open its value, which the run then records."""

    @abstractmethod
    def build_network(self, settings: S, preprocessor: P, make_cell: MakeCell) -> N:
        """The network, on the CPU, freshly initialised from torch's generator."""

    def network(self, settings: S, preprocessor: P, make_cell: MakeCell) -> N:
        """`build_network`, with the initial states and the forget biases that the settings ask for."""
        return with_start(self.build_network(settings, preprocessor, make_cell), settings)

    @abstractmethod
    def objective(self, network: N, data: D, settings: S, device: torch.device) -> Objective:
        """What the training loop minimises: batches, their loss, and metrics of the validation set."""

    @abstractmethod
    def describe(self, data: D, settings: S, network: N) -> list[str]:
        """Sentences on what was read and guessed, each choice with the flag that changes it."""

    @abstractmethod
    def metadata(self, data: D) -> dict[str, object]:
        """Facts about the data for the config of the run and its model card, as JSON holds them."""

    def fit_floor(self, data: D, settings: S, log: Log) -> D:
        """Fit the simple model that the network is combined with, on the training set.

        Called once in a new run, before `resolve`, unless `settings.floor` is "none"; and when a run is
        resumed whose preprocessor has an attribute `floor` that is not None, because `refit_floor` may
        have let that one learn from the validation set. The simple model is that attribute of the
        preprocessor, so the run folder keeps it. `calibrate` fits on the validation set how much each
        of the two counts.

        Args:
            data: as `read` returned it.
            settings: those given, with the sizes.
            log: takes a sentence where this takes noticeable time.

        Returns:
            The data, its preprocessor with the simple model. Default: the data as it is.
        """
        return data

    def refit_floor(self, trained: Trained[S, P, N], data: D, progress: Progress) -> P | None:
        """Fit the simple model again, on training set and validation set, when all choices are made.

        Called after `validate`, whose metrics stay those of the model before. How much network and simple
        model count may be fitted again too, in buffers of `trained.model`, which are saved.

        Returns:
            The preprocessor with that model; None where there is nothing to fit.
        """
        return None

    def baseline_files(self, data: D) -> dict[str, bytes]:
        """Files that the run folder keeps beside preprocessor and weights: the fitted baselines."""
        return {}

    @abstractmethod
    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> P:
        """The preprocessor that a run folder holds."""

    def calibrate(self, trained: Trained[S, P, N], data: D, progress: Progress) -> list[str] | None:
        """Fit what belongs to the validation set (a temperature, say) into the kept weights.

        Called once, when training has ended; checkpoints stay as they were trained.

        Returns:
            Sentences on what was fitted, or None where the task has nothing to fit.
        """
        return None

    # metrics

    @abstractmethod
    def validate(self, trained: Trained[S, P, N], data: D, progress: Progress) -> M:
        """Metrics of the validation set at the end of training, `baselines` among them."""

    @abstractmethod
    def evaluate(
        self,
        trained: Trained[S, P, N],
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> M:
        """Metrics of further data, `baselines` among them.

        Args:
            trained: the model.
            path: a file or folder of the kind that the run was trained on.
            progress: called with the share that is done.
            columns: where the data has other columns than the training data: one of
                `column_settings` and the column; and the column of the groups, by `by`.
        """

    def check_columns(self, columns: Mapping[str, str]) -> None:
        """Every column that is named must be one that the task reads.

        Raises:
            UserError: where it is not.
        """
        for name, column in columns.items():
            if name in self.column_settings or (name == "by" and self.has_groups):
                continue
            if name == "by":
                raise UserError(
                    f"--by got {column!r}; the data of the task {self.name} has no column of groups. "
                    "Leave it out."
                )
            if name in self.changeable:
                raise UserError(
                    f"Evaluation takes names of columns, and got {name}={column}. Set it before, by "
                    f"run.adjust({name}={column})."
                )
            known = ", ".join(f"--{known}" for known in self.column_settings) or "none"
            raise UserError(
                f"--{name} got {column!r}, a column that a run of the task {self.name} does not "
                f"read. Columns that can be named: {known}. Leave it out."
            )

    @abstractmethod
    def summarise(self, metrics: M, where: str) -> list[str]:
        """Metrics as sentences, beside those of the baselines. where: what was measured on."""

    def format_metrics(self, metrics: M) -> str:
        """The metrics of a group in one line of a table, where the task has groups."""
        return str(metrics)

    @abstractmethod
    def check(self, path: str, settings: S, log: Log) -> dict[str, object]:
        """What `unroll data check` reports: rows, lengths, labels, unknown words, duplicates.

        Every bad record is counted, none stops it: `problems` holds how many and the first few.
        """

    # predictions

    def predict(self, trained: Trained[S, P, N], inputs: Iterable[object]) -> Iterator[R]:
        """A prediction for each input, in order, as JSON can hold it.

        Raises:
            UserError: where the task does not override this method.
        """
        raise UserError(
            f"{trained.path} is a run of the task {self.name}, which has nothing to predict. "
            "Use unroll score, unroll next or unroll generate."
        )

    def read_inputs(self, trained: Trained[S, P, N], path: str) -> Iterator[object]:
        """The inputs that a file holds, in order.

        Raises:
            UserError: where the task does not override this method.
        """
        raise UserError(
            f"{trained.path} is a run of the task {self.name}, which has nothing to predict. "
            "Use unroll score, unroll next or unroll generate."
        )

    def step_size(self, preprocessor: P) -> int | None:
        """F, where an input is a sequence of steps of F numbers; None where it is something else."""
        return None

    def predicts_rows(self, trained: Trained[S, P, N]) -> bool:
        """Whether each row of a table is an input of its own, so that predictions match rows."""
        return True

    def prediction_rows(self, prediction: R) -> list[dict[str, object]]:
        """A prediction as rows of a table: one, unless the task has several for an input.

        Its columns are `prediction`, `probability` where there is one, and `error` of a skipped input.
        """
        facts: dict[str, object] = {
            "prediction": next((prediction[key] for key in ANSWERS if key in prediction), None)
        }
        if isinstance(prediction.get("probability"), float):
            facts["probability"] = prediction["probability"]
        error = prediction.get("error", prediction.get("problem"))
        return [facts if error is None else {**facts, "error": error}]

    def format_prediction(self, prediction: R) -> str:
        """A prediction as people read it, or as the files of the task have it."""
        return str(prediction)

    def network_part(self, trained: Trained[S, P, N]) -> str:
        """How much the network counts in what is predicted, beside the simple model, in words.

        Returns:
            Part of a sentence on the network: "its logits count 0.4, those of the ...". Default: empty,
            as where the network is alone.
        """
        return ""

    def plot(self, trained: Trained[S, P, N], path: str) -> str:
        """Predictions for a file as a drawing (SVG).

        Raises:
            UserError: where the task does not override this method.
        """
        raise UserError(
            f"{trained.path} is a run of the task {self.name}, which draws nothing. Write to a .jsonl "
            "or .txt."
        )

    def pictures(
        self, trained: Trained[S, P, N], data: D, progress: Progress
    ) -> Iterator[TaskPicture]:
        """What the run shows of its validation set, the most telling first: `unroll.inspect` draws it.

        Args:
            trained: the model as its metrics were measured, before it learned from the validation set.
            data: as `read` returned it, with the simple model that was fitted to the training set.
            progress: called with the share that is done.

        Returns:
            Plain data, made one by one. Default: none.
        """
        return iter(())

    @abstractmethod
    def usage(self, run: str, trained: Trained[S, P, N]) -> list[str]:
        """Commands to type next. run: the folder as the commands want it, quoted."""
