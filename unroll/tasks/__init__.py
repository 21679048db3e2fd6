"""One file a task. Which tasks there are, and which one a file is for; no torch is loaded here."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from unroll.errors import UserError
from unroll.settings import SETTINGS, RecurrentSettings

if TYPE_CHECKING:
    from unroll.tasks.task import Task


def task_named(name: str) -> Task:
    """The module of a task."""
    return cast("Task", import_module(f"unroll.tasks.{name}"))


def settings_of(name: str) -> type[RecurrentSettings]:
    """The settings of a task.

    Raises: UserError where there is no such task.
    """
    if name not in SETTINGS:
        raise UserError(f"--task got {name!r}; expected one of {', '.join(SETTINGS)}.")
    return SETTINGS[name]


def guess_task(path: str, given: dict[str, Any]) -> tuple[str, str]:
    """Which task a file is for, and why.

    given: the settings that were given; tasks that do not have one of them are not thought of.
    Raises: UserError where nothing is at the path, or it looks like no task's data.
    """
    if path != "-" and "\n" not in path and len(path) < 4096 and not Path(path).exists():
        raise UserError(
            f"There is no file or folder {path}; expected data to learn from. Check the path, from "
            f"{Path.cwd()}."
        )
    if path != "-" and Path(path).is_file() and Path(path).stat().st_size == 0:
        raise UserError(f"{path} is empty; expected data to learn from.")
    fit = [name for name, kind in SETTINGS.items() if set(given) <= set(kind.model_fields)]
    for name in fit or SETTINGS:
        module = import_module(f"unroll.settings.{name}")
        why = module.guess(Path(path), given)
        if why is not None:
            return name, why
    raise UserError(
        f"{path} does not look like the data of a task. Expected a text (.txt, .md, .gz, .jsonl, a "
        "folder of texts, or - for standard input), a table with a text and a label (--label), two "
        "texts a line with a tab between, words with tags in columns, a table with a time and "
        "--target, tunes (.abc, .mid), a table that names images, sounds or clips; or name the task by "
        f"--task: {', '.join(SETTINGS)}."
    )
