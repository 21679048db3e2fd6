"""A trained model with its folder: evaluate it, ask it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from unroll.engine.memory.bounded import bounded
from unroll.errors import UserError
from unroll.layers.explain import explain, explanations
from unroll.settings import RecurrentSettings, settings_from
from unroll.tasks import load_task, settings_of
from unroll.tasks.base import Trained
from unroll.training.cell import recorded_cell, trust_flag
from unroll.training.checkpoint import load_model, sound_checkpoints
from unroll.training.files import Damaged, check_folder
from unroll.training.folder import RunFolder


def bound_by(settings: RecurrentSettings) -> AbstractContextManager[None]:
    """Within the block, the memory that the run's settings allow."""
    return bounded(memory=settings.memory, segment_length=settings.segment_length)


class Run:
    """A trained model with its folder.

    Attributes:
        path: the run folder. recorded: the settings that it was trained with. settings: those in use,
        which `adjust` changes; none skips bad records unless asked. model: the network, on its device.
        task_name: classify, language, ... preprocessor: what turns records into numbers and answers into
        words. said: sentences about damage that was worked around.
    """

    def __init__(self, folder: RunFolder, device: torch.device, trust_code: bool = False) -> None:
        self.folder, self.device = folder, device
        self.config = folder.config()
        self.task_name: str = self.config["task"]
        self.task = load_task(self.task_name)
        self.recorded: Any = settings_from(settings_of(self.task_name), self.config["settings"])
        # bad records of the training data were let pass, not those of every later file
        strict = {"skip_bad": False} if "skip_bad" in type(self.recorded).model_fields else {}
        self.settings: Any = self.recorded.model_copy(update=strict)
        self.said: list[str] = []
        check_needed(folder)
        cell = recorded_cell(folder, self.settings, trust_code)
        self.preprocessor = self.task.load_preprocessor(folder.path, self.config)
        self.model: Any = self.task.build_network(self.settings, self.preprocessor, cell.make)
        self._load_weights()
        self.model.to(device).eval()

    @property
    def trained(self) -> Trained[Any, Any, Any]:
        """What the task's functions take."""
        return Trained(self.model, self.preprocessor, self.settings, self.device, self.path)

    def adjust(self, **changes: Any) -> None:
        """Change settings of how it is used, such as the width of a beam; the run folder keeps its own.

        Raises: UserError for a setting that training has fixed, or a value that cannot be.
        """
        free = self.task.changeable
        for name in changes:
            if name not in free:
                may = f"those that can are {', '.join(free)}" if free else "none of this task can"
                raise UserError(
                    f"--set {name}=... cannot be changed in a trained run; {may}. Leave it out."
                )
        checked = settings_from(settings_of(self.task_name), changes)
        update = {name: getattr(checked, name) for name in changes}
        self.settings = self.settings.model_copy(update=update)

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    def evaluate(
        self, data: str | Path, watch: Callable[[float], None] | None = None, **columns: Any
    ) -> dict[str, Any]:
        """The figures of further data, beside those of simple baselines (`baselines`).

        watch: told the share that is done, 0 to 1. columns: `text`, `label` and so on, where they
        are not the run's.
        """
        self.task.check_columns(columns)
        return self.task.evaluate(self.trained, str(data), watch or nothing, columns)

    def predict(self, inputs: Any) -> Any:
        """What the model says of an input, or of a list of them: dictionaries, as JSON holds them."""
        one = isinstance(inputs, (str, dict))
        answers = list(self.answers([inputs] if one else inputs))
        return answers[0] if one else answers

    def predict_file(self, path: str | Path) -> Iterator[dict[str, Any]]:
        """An answer for each record of a file, in order."""
        return self.task.predict(self.trained, self.task.read_inputs(self.trained, str(path)))

    def answers(self, questions: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """An answer for each question, in order."""
        return self.task.predict(self.trained, questions)

    def picture(self, data: str | Path) -> str:
        """What the model says of a file, drawn: an SVG.

        Raises: UserError for tasks that draw nothing.
        """
        return self.task.plot(self.trained, str(data))

    def written(self, answer: dict[str, Any]) -> str:
        """An answer as people read it, or as the task's own files have it."""
        return self.task.format_prediction(answer)

    def verdict(self, result: dict[str, Any], where: str) -> list[str]:
        """The figures that `evaluate` found, in words."""
        return self.task.summarise(result, where)

    def use_lines(self) -> list[str]:
        """What to type next."""
        name = shlex.quote(str(self.path)) + trust_flag(self.settings)
        return self.task.usage(name, self.trained)

    def result(self) -> dict[str, Any]:
        """The held-out figures of the finished run, as `result.json` holds them; empty before."""
        path = self.path / "result.json"
        return json.loads(path.read_bytes()) if path.exists() else {}

    def explain(self) -> str:
        """Which backend runs each part of the model, why, and what the compiler makes of it."""
        with bound_by(self.settings):
            return explain(self.model)

    def explanations(self) -> list[dict[str, Any]]:
        """The same as numbers and words: a dictionary for each recurrent part."""
        with bound_by(self.settings):
            return [part.facts() for part in explanations(self.model)]

    def _load_weights(self) -> None:
        """The best weights, or those of the newest whole checkpoint, which is then said."""
        try:
            check_folder(self.path, only={"model.safetensors"})
            load_model(self.path / "model.safetensors", self.model)
            return
        except Damaged as damage:
            trouble = str(damage)
        for folder in sound_checkpoints(self.path, self.said):
            load_model(folder / "model.safetensors", self.model)
            self.said.insert(0, f"{trouble}. The weights of {folder.name} are used instead.")
            return
        raise UserError(f"The run {self.path} has no whole weights: {trouble}. Train it anew.")


def check_needed(folder: RunFolder) -> None:
    """Compare what a run cannot do without with its manifest; weights are looked at when loaded.

    Raises: UserError with the damaged file's name.
    """
    elsewhere = {"model.safetensors", "result.json", "README.md", *baselines_of(folder)}
    try:
        folder.check(but=elsewhere)
    except (Damaged, OSError, ValueError) as error:
        raise UserError(
            f"The run {folder.path} is damaged: {error}. Restore the file from a copy."
        ) from error


def baselines_of(folder: RunFolder) -> set[str]:
    """The files of a run's baselines, which can be made anew from the data."""
    return {path.name for path in folder.path.glob("baseline.*")} | {"baseline.safetensors"}


def nothing(share: float) -> None:
    """Watches nothing."""
