"""The settings of a task by its name; no torch is loaded here."""

from __future__ import annotations

from collections.abc import Mapping

from unroll.errors import UserError
from unroll.paths import refuse_impossible_path
from unroll.settings import RecurrentSettings, settings_from
from unroll.settings.parse import flag_of
from unroll.tasks import TASKS, guess_task, settings_of


def choose_task(path: str, task: str | None, values: Mapping[str, object]) -> tuple[str, str]:
    """The task that data is read for, and why.

    Args:
        path: the data; "-" is standard input.
        task: the task that was asked for; None: guessed from the data and the given settings.
        values: the given settings by name.

    Raises:
        UserError: where the data fits no task, or none that has these settings.
    """
    refuse_impossible_path(path, "DATA")
    if task is not None:
        return task, "the task is given"
    try:
        return guess_task(path, dict(values))
    except UserError:
        # a setting may belong to another task than the data
        for key in values:
            if key not in RecurrentSettings.model_fields:
                rest = {name: value for name, value in values.items() if name != key}
                refuse_setting_of_another_task(guess_task(path, rest)[0], key)
        raise


def task_settings(name: str, values: Mapping[str, object]) -> RecurrentSettings:
    """Checked settings of a task.

    Args:
        name: of the task.
        values: by name, as words of a command line or values in Python.

    Raises:
        UserError: where there is no such task, the task has no such setting, or a value is wrong.
    """
    kind = settings_of(name)
    for key in values:
        refuse_setting_of_another_task(name, key)
    settings = settings_from(kind, values)
    valid = getattr(settings, "valid", None)
    if isinstance(valid, str):
        refuse_impossible_path(valid, "--valid")
    return settings


def refuse_setting_of_another_task(name: str, key: str) -> None:
    """Raise UserError where a setting that the task does not have is one of other tasks."""
    if key in settings_of(name).model_fields:
        return
    classes = {task: entry.settings_class() for task, entry in TASKS.items()}
    others = [task for task, kind in classes.items() if key in kind.model_fields]
    if not others:
        return
    has_flag = any(key in classes[task].all_flags() for task in others)
    setting = flag_of(key) if has_flag else f"--set {key}=..."
    tasks = f"{'task' if len(others) == 1 else 'tasks'} {', '.join(others)}"
    raise UserError(
        f"{setting} is a setting of the {tasks}, and the data is read for the task {name}. Leave it "
        f"out, or choose the task by --task. `unroll train {name} --help` lists the settings of {name}."
    )
