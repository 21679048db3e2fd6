"""Which tasks there are, and which one a file is for; no torch is loaded here.

A task is a folder here and a row in `TASKS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from unroll.counting import listed
from unroll.data.files.forms import find_form
from unroll.data.files.opening import regular_file
from unroll.data.files.separated import NAMES
from unroll.data.first_rows import first_lines, is_table, sampled_rows
from unroll.errors import UserError
from unroll.settings import RecurrentSettings
from unroll.settings.parse import near_names

if TYPE_CHECKING:
    from unroll.tasks.base import Task

    # the run room holds tasks of any kind; what a task is made of is checked where it is defined
    AnyTask = Task[Any, Any, Any, Any, Any, Any]


FEWEST_ROWS = 5  # of a text, from which on it may be a table


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
        UserError: where nothing is at the path, or it looks like no task's data, or like that of
            several.
    """
    check_data_path(path)
    classes = {name: entry.settings_class() for name, entry in TASKS.items()}
    fit = {name: kind for name, kind in classes.items() if set(given) <= set(kind.model_fields)}
    for name, kind in (fit or classes).items():
        why = kind.guess(Path(path), given)
        if why is not None and (name != "language" or not Path(path).is_file()):
            return name, why
        if why is not None:
            field = str(given.get("text") or "text")
            refuse_other_data(Path(path), {n: k for n, k in fit.items() if n != name}, field)
            return name, why
    if Path(path).is_file():
        refuse_other_data(Path(path), fit)
    raise UserError(
        f"{path} does not look like the data of a task: a text, texts with labels, pairs, words with "
        "tags, numbers over time, tunes, or paths of images, sounds or clips. Name the task by "
        f"--task: {', '.join(TASKS)}."
    )


def check_data_path(path: str) -> None:
    """Refuse what can be no data, before it is looked into.

    Raises:
        UserError: for an empty name, a missing or empty file, a pipe or a device, a damaged container,
            and a text in UTF-16.
    """
    if not path.strip():
        raise UserError(
            "The name of the data is empty; expected a file or a folder, or - for input."
        )
    if path == "-" or "\n" in path or len(path) >= 4096 or Path(path).is_dir():
        return
    if not Path(path).exists():
        raise UserError(
            f"There is no file or folder {path}; expected training data. Check the path, from "
            f"{Path.cwd()}."
        )
    regular_file(path, path, "training data")
    if Path(path).stat().st_size == 0:
        raise UserError(f"{path} is empty; expected training data.")
    find_form(Path(path), path)


def refuse_other_data(
    path: Path, others: Mapping[str, type[RecurrentSettings]], field: str | None = None
) -> None:
    """Ask for the task where a text looks like data of another one than a language model.

    Args:
        path: the file.
        others: the settings of the other tasks, by name.
        field: of records of JSON, which holds the text for a language model. None: it is not read
            for one.

    Raises:
        UserError: with the likely tasks.
    """
    if not others:
        return  # a setting that only this task has is an answer
    form = find_form(path, str(path))
    is_json, likely = form.kind.startswith("json"), dict[str, str]()
    names: list[str] | None = None
    rows: list[list[str]] = []
    if form.kind not in ("text", "arrays"):
        rows, names = sampled_rows(path)
        if field is not None and is_table(path) and (not is_json or field in (names or ())):
            return  # records with a text, or a table of which lines are read
        if len(rows) >= FEWEST_ROWS:
            likely = {n: w for n, k in others.items() if (w := k.guess_rows(rows, names, path))}
    lines = first_lines(path)
    likely |= {n: w for n, k in others.items() if (w := k.guess_lines(lines))}
    plain = (
        "" if field is None or is_table(path) else ", or --task language to read it as a plain text"
    )
    if likely:
        looks = "; or ".join(f"{reason} (--task {name})" for name, reason in likely.items())
        raise UserError(f"{path} looks like {looks}. Name the task{plain}.")
    if form.separator is not None and form.separator.character != ",":
        if len(rows) >= FEWEST_ROWS:
            raise UserError(
                f"{path} holds rows of {len(rows[0])} columns, separated by "
                f"{NAMES[form.separator.character]}. Name the task by --task: {', '.join(others)}{plain}."
            )
    if field is None and rows and not is_json:
        columns = names if names is not None else rows[0]
        raise UserError(
            f"{path} has the columns {listed([cell[:30] for cell in columns])}, which look like the "
            "data of no task. Name the task by --task; sequences of numbers in one table need the "
            "column that names each, too: --set id=COLUMN."
        )
    if is_json:
        raise UserError(
            f"{path} holds records of JSON with the fields {', '.join((names or [])[:10])}. Name the field of "
            f"the text by --text, or the task by --task: {', '.join(others)}{plain}."
        )
