"""Which tasks there are, and which one a file is for; no torch is loaded here.

A task is a folder here and a row in `TASKS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from unroll.errors import UserError
from unroll.settings import RecurrentSettings
from unroll.settings.parse import near_names

if TYPE_CHECKING:
    from unroll.tasks.base import Task

    # the run room holds tasks of any kind; what a task is made of is checked where it is defined
    AnyTask = Task[Any, Any, Any, Any, Any, Any]


@dataclass(frozen=True)
class TaskEntry:
    """Where the parts of a task are; each is loaded when it is first used.

    Attributes:
        settings: "module:Class", a `RecurrentSettings` with the classmethod `guess`; without torch.
        task: "module:Class", a `Task`.
        run: "module:Class", the `Run` that a run folder of the task is loaded as.
    """

    settings: str
    task: str
    run: str = "unroll.tasks.run:Run"

    def settings_class(self) -> type[RecurrentSettings]:
        """The class of its settings; loads no torch."""
        found: type[RecurrentSettings] = resolve_name(self.settings)
        return found

    def load(self) -> AnyTask:
        """The task."""
        made: AnyTask = resolve_name(self.task)()
        return made


def entry(name: str, run: bool = False) -> TaskEntry:
    """The row of a task in `unroll/tasks/NAME/`. run: whether it has a run class of its own."""
    folder, prefix = f"unroll.tasks.{name}", name.capitalize()
    settings, task = f"{folder}.settings:{prefix}Settings", f"{folder}.task:{prefix}Task"
    return (
        TaskEntry(settings, task, f"{folder}.run:{prefix}Run") if run else TaskEntry(settings, task)
    )


# a file is for the first of these tasks whose settings recognise it
TASKS: dict[str, TaskEntry] = {
    "music": entry("music", run=True),
    "tag": entry("tag"),
    "forecast": entry("forecast"),
    "frames": entry("frames"),
    "caption": entry("caption"),
    "transcribe": entry("transcribe", run=True),
    "classify": entry("classify"),
    "translate": entry("translate"),
    "language": entry("language", run=True),
}


def task_entry(name: str) -> TaskEntry:
    """The row of a task.

    Raises:
        UserError: where there is no such task.
    """
    if name not in TASKS:
        raise UserError(
            f"--task got {name!r}{near_names(name, TASKS)}; expected one of {', '.join(TASKS)}."
        )
    return TASKS[name]


def load_task(name: str) -> AnyTask:
    """The task of this name.

    Raises:
        UserError: where there is no such task.
    """
    return task_entry(name).load()


def settings_of(name: str) -> type[RecurrentSettings]:
    """The class of the settings of a task; loads no torch.

    Raises:
        UserError: where there is no such task.
    """
    return task_entry(name).settings_class()


def guess_task(path: str, given: dict[str, Any]) -> tuple[str, str]:
    """Which task a file is for, and why.

    Args:
        path: the data; "-" is standard input.
        given: the settings that were given; tasks that do not have one of them are passed over.

    Raises:
        UserError: where nothing is at the path, or it looks like no task's data.
    """
    if path != "-" and "\n" not in path and len(path) < 4096 and not Path(path).exists():
        raise UserError(
            f"There is no file or folder {path}; expected training data. Check the path, from "
            f"{Path.cwd()}."
        )
    if path != "-" and Path(path).is_file() and Path(path).stat().st_size == 0:
        raise UserError(f"{path} is empty; expected training data.")
    classes = {name: entry.settings_class() for name, entry in TASKS.items()}
    fit = {name: kind for name, kind in classes.items() if set(given) <= set(kind.model_fields)}
    for name, kind in (fit or classes).items():
        why = kind.guess(Path(path), given)
        if why is not None:
            return name, why
    raise UserError(
        f"{path} does not look like the data of a task. Expected a text, a table with texts and "
        "labels, pairs of texts, words with tags, numbers over time, tunes, or a table of paths of "
        f"images, sounds or clips. Name the task by --task: {', '.join(TASKS)}."
    )
