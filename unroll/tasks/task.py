"""What a task is to the training loop, the run folder and the commands: these functions, no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from unroll.cells import Cell
from unroll.training.work import Work

Make = Callable[[int, int], Cell]  # (input_size, hidden_size) -> a cell; raises UserError
Say = Callable[[str], None]
Watch = Callable[[float], None]  # told the share that is done, 0 to 1


class Codec(Protocol):
    """What turns records into numbers and answers into words: vocabularies, labels, scales."""

    def files(self) -> dict[str, bytes]:
        """The files of a run folder that hold it."""
        ...


class Data(Protocol):
    """What was read: a part to learn from and a held-out part, as the task keeps them.

    codec: learned from the training part, or the run's own. sha256: of the training data, so that
    a resume gets the same. held_out: what is held out, for people: "the last tenth of lines.txt".
    """

    @property
    def codec(self) -> Any: ...
    @property
    def sha256(self) -> str: ...
    @property
    def held_out(self) -> str: ...


@dataclass(frozen=True)
class Trained:
    """A trained model and what it needs to read questions and write answers."""

    model: Any
    codec: Any
    settings: Any
    device: torch.device
    path: Path


class Task(Protocol):
    """A module of `unroll/tasks/`; its settings stand in `unroll/settings/`, without torch.

    Raises (all): UserError, in a sentence, for data and settings that cannot be used.
    """

    def resolve_sizes(self, settings: Any, make: Make) -> Any:
        """The sizes left open get their numbers, before data is read; `make` is tried."""
        ...

    def read(self, path: str, settings: Any, say: Say, codec: Any = None) -> Data:
        """The data in two parts. codec: the run's own, where a run is resumed."""
        ...

    def resolve(self, settings: Any, data: Any) -> Any:
        """Every other setting that was left open gets its value, which the run then records."""
        ...

    def model(self, settings: Any, codec: Any, make: Make) -> nn.Module:
        """The network, on the CPU, freshly initialised."""
        ...

    def work(self, model: Any, data: Any, settings: Any, device: torch.device) -> Work:
        """What the training loop calls."""
        ...

    def header(self, data: Any, settings: Any, model: Any) -> list[str]:
        """What was read and guessed, each choice with the flag that changes it."""
        ...

    def facts(self, data: Any) -> dict[str, Any]:
        """Of the data, for the run's config and its model card."""
        ...

    def files(self, data: Any) -> dict[str, bytes]:
        """What the run folder keeps beside codec and weights: baselines."""
        ...

    def load_codec(self, folder: Path, config: dict[str, Any]) -> Any:
        """The codec of a run folder."""
        ...

    # settled(trained, data, watch) -> list[str]: where a task has it, what is fitted on the held-out
    # part when training has ended, into the kept weights; returns what to say.

    def result(self, trained: Trained, data: Any, watch: Watch) -> dict[str, Any]:
        """The figures of the held-out part at the end of training, `baselines` among them."""
        ...

    def evaluate(self, trained: Trained, path: str, watch: Watch, **columns: Any) -> dict[str, Any]:
        """The figures of other data, `baselines` among them."""
        ...

    def verdict(self, result: dict[str, Any], where: str) -> list[str]:
        """Such figures in words, beside the baselines'."""
        ...

    def check(self, path: str, settings: Any, say: Say) -> dict[str, Any]:
        """`unroll data check`: rows, lengths, labels, unknown rate, duplicates, what will be cut.

        Every bad record is counted, none stops it: `problems` holds how many and the first few.
        """
        ...

    def answers(self, trained: Trained, questions: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """Predict: a dictionary for each question, as JSON can hold it, in order."""
        ...

    def questions(self, trained: Trained, path: str) -> Iterator[Any]:
        """The questions that a file holds."""
        ...

    def written(self, answer: dict[str, Any]) -> str:
        """An answer as people read it, or as the task's own files have it."""
        ...

    def use_lines(self, run: str, trained: Trained) -> list[str]:
        """What to type next. run: the folder as the commands want it."""
        ...
