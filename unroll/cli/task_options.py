"""Options that follow from the settings of the tasks, for commands that take data of any task.

Every flag of every task is parsed, in any order and before the task is known. Help shows what all
tasks share; where the words name a task, its own settings too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from unroll.cli.output import say
from unroll.errors import UserError
from unroll.settings import RecurrentSettings
from unroll.settings.parse import flag_of
from unroll.settings.rows import SettingRow, setting_rows
from unroll.tasks import TASKS, settings_of

# of flags that every task has, each with a sentence of its own
SHARED_SENTENCES = {"valid": "Data of the validation set. Default: a part of DATA."}
COLUMN = "COLUMN"  # the word for the value of a flag that names a column
WIDEST = 32  # characters of what is typed, in help; longer choices are put beside the sentence

TaskAndData = Annotated[
    list[str],
    typer.Argument(
        metavar="[TASK] DATA",
        help="A text, a table, sentences in columns, pairs or a folder; - reads standard input. TASK "
        "sets the task, as --task does.",
        show_default=False,
    ),
]
TaskName = Annotated[
    str | None,
    typer.Option(
        help=f"{', '.join(TASKS)}. Default: guessed from DATA.", metavar="TASK", show_default=False
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Any setting, such as --set batch_size=16.",
        metavar="NAME=VALUE",
        show_default=False,
    ),
]


def with_options(
    command: Callable[..., None], place: str, options: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """The command with further options.

    Args:
        command: takes the given ones as a dictionary by name.
        place: the name of this parameter; in help, the options have its place.
        options: a keyword parameter for each.
    """
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        here = options if parameter.name == place else [parameter]
        parameters += [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in here]

    @wraps(command)
    def with_further_options(**values: Any) -> None:
        given = {option.name: values.pop(option.name) for option in options}
        given = {name: value for name, value in given.items() if value not in (None, False)}
        command(**{place: given}, **values)

    with_further_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_further_options.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_further_options


def setting_parameters(training: bool = True) -> list[inspect.Parameter]:
    """A parameter for each flag of any task; those that not every task shares are hidden in help.

    Args:
        training: whether the flags of training and of the network are among them.
    """
    shared = {row.name: row for row in setting_rows(RecurrentSettings) if row.flag}
    rows: dict[str, list[SettingRow]] = {}
    for entry in TASKS.values():
        for row in setting_rows(entry.settings_class()):
            if row.flag is not None:
                rows.setdefault(row.name, []).append(row)
    order = [*(shared if training else ()), *(name for name in rows if name not in shared)]
    return [flag_parameter(name, rows[name], shared.get(name)) for name in order]


def column_parameters() -> list[inspect.Parameter]:
    """A parameter for each flag that names a column in some task, hidden in help.

    The task of a run refuses those that it does not read, and lists those that it does.
    """
    flags: dict[str, str] = {}
    for entry in TASKS.values():
        flags |= entry.settings_class().all_flags()
    parameters = []
    for name in (name for name, word in flags.items() if word == COLUMN):
        option = typer.Option(flag_of(name), metavar=COLUMN, hidden=True, show_default=False)
        annotation = Annotated[str | None, option]
        kind = inspect.Parameter.KEYWORD_ONLY
        parameters.append(inspect.Parameter(name, kind, default=None, annotation=annotation))
    return parameters


def flag_parameter(
    name: str, rows: Sequence[SettingRow], shared: SettingRow | None
) -> inspect.Parameter:
    """The parameter of a flag: its words are turned into values by the settings of the task."""
    is_switch = all(not row.takes for row in rows)
    sentence = shared.meaning if shared else SHARED_SENTENCES.get(name)
    option = typer.Option(
        flag_of(name),
        help=sentence,
        metavar=None if is_switch else rows[0].takes or "VALUE",
        hidden=sentence is None,
        show_default=False,
    )
    annotation = Annotated[bool, option] if is_switch else Annotated[str | None, option]
    default = False if is_switch else None
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def asks_for_settings(assignments: Sequence[str] | None) -> bool:
    """Whether `--set help` is among the assignments."""
    return "help" in (assignments or [])


def task_and_data(words: Sequence[str], task: str | None, command: str) -> tuple[str | None, str]:
    """The task, where it is named, and the data.

    Args:
        words: DATA, or a task and DATA. A single word is the data where a file has the name of a task.
        task: of --task.
        command: for errors: "train".

    Raises:
        UserError: for other words, or two tasks.
    """
    first, last = words[0], words[-1]
    if len(words) == 1:
        if first in TASKS and not Path(first).exists():
            raise UserError(
                f"{command} got the task {first} and no data; expected unroll {command} {first} DATA. "
                f"unroll {command} {first} --help lists the settings of the task."
            )
        return task, first
    if len(words) > 2 or first not in TASKS:
        raise UserError(
            f"{command} got {' '.join(words[:4])!r}; expected DATA, or a task and DATA. The tasks are "
            f"{', '.join(TASKS)}."
        )
    if task not in (None, first):
        raise UserError(
            f"{command} got two tasks, {first} and --task {task}; expected one of them."
        )
    return first, last


class TaskCommand(TyperCommand):
    """A command whose help shows the settings of a task where the words name one.

    Attributes:
        training: whether the settings of training and of the network are among them.
    """

    training = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta["unroll.task"] = self.named_task(args)  # before --help is obeyed
        return super().parse_args(ctx, args)

    def named_task(self, args: Sequence[str]) -> str | None:
        """The task of --task, or of the first word that is no option, as far as one can see."""
        takes_value = {
            opt: not getattr(param, "is_flag", False) for param in self.params for opt in param.opts
        }
        words = iter(args)
        first = None
        for word in words:
            name, equals, value = word.partition("=")
            if word.startswith("--"):
                if not equals and takes_value.get(name, False):
                    value = next(words, "")
                if name == "--task" and value in TASKS:
                    return value
            elif first is None:
                first = word
        return first if first in TASKS else None

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [self.options_metavar or "", "[TASK] DATA"]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """What every task shares, and the settings of the task that is named."""
        super().format_help(ctx, formatter)
        task = ctx.meta.get("unroll.task")
        if task is None:
            print_how_to_see_tasks(ctx.command_path)
        else:
            print_settings(task, self.training)


class DataCommand(TaskCommand):
    """The same for a command that trains nothing."""

    training = False


def print_how_to_see_tasks(command: str) -> None:
    """How to see what belongs to one task."""
    say(
        f" The settings of a task: {command} TASK --help  (or --task TASK --help)\n"
        f" The tasks: {', '.join(TASKS)}\n"
    )


def print_settings(
    task: str, training: bool, all_of_them: bool = False, names: Sequence[str] | None = None
) -> None:
    """Print every setting of a task that the general help does not show.

    Args:
        task: its name.
        training: whether the settings of training and of the network are among them.
        all_of_them: whether those that the general help shows are too.
        names: only these. Default: all.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.panel import Panel
    from rich.table import Table

    console = Console(highlight=False)
    rows = setting_rows(settings_of(task))
    rows = rows if names is None else [row for row in rows if row.name in names]
    usual = {row.name: row.default for row in setting_rows(RecurrentSettings)}
    own = sorted((row for row in rows if row.name not in usual), key=lambda row: row.flag is None)
    tables = {f"Settings of the task {task}": own}
    if training:
        # the general help shows the shared flags, with the usual defaults
        tables["Further settings"] = [
            row
            for row in rows
            if row.name in usual
            and (all_of_them or row.flag is None or row.default != usual[row.name])
        ]
    for title, part in tables.items():
        if not part:
            continue
        table = Table.grid(padding=(0, 2))
        for row in part:
            table.add_row(*map(escape, help_cells(row)))
        console.print(Panel(table, title=title, title_align="left", border_style="dim"))


def help_cells(row: SettingRow) -> tuple[str, str]:
    """How a setting is typed, and its sentence with its choices and its default.

    Examples:
        >>> help_cells(SettingRow("beam", None, "N", "5", "Width of the beam."))
        ('--set beam=N', 'Width of the beam. [default: 5]')
    """
    typed, notes = row.typed, []
    if len(typed) > WIDEST:
        typed = replace(row, takes="VALUE").typed
        notes.append(row.takes)
    if row.default is not None and row.takes:
        notes.append(f"default: {row.default}")
    return typed, f"{row.meaning} [{', '.join(notes)}]" if notes else row.meaning
