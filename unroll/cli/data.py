"""`unroll data check`: what is in a file, before anything is trained on it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from unroll.cli.output import say, say_json
from unroll.cli.task_options import (
    Assignments,
    TaskAndData,
    TaskName,
    asks_for_settings,
    print_settings,
    task_and_data,
)
from unroll.settings import parse_assignments
from unroll.tasks.task_settings import choose_task, task_settings


def check(
    words: TaskAndData,
    task: TaskName = None,
    *,
    settings: dict[str, Any],
    assignments: Assignments = None,
    json: Annotated[
        bool, typer.Option("--json", help="JSON on standard output.", show_default=False)
    ] = False,
) -> None:
    """Report what unroll train would read: rows, lengths, labels, unknown words, bad records.

    Exit code 1 where records are bad.
    """
    task, data = task_and_data(words, task, "data check")
    if asks_for_settings(assignments):
        given = {name: value for name, value in settings.items() if name != "valid"}
        print_settings(choose_task(data, task, given)[0], training=False, all_of_them=True)
        return
    values = settings | parse_assignments(assignments or [])
    task_settings(choose_task(data, task, values)[0], values).check_path(data)

    from unroll.run import check as check_data
    from unroll.run import describe_check

    found = check_data(data, lambda sentence: say(sentence, err=True), task=task, **values)
    if json:
        say_json(found)
    else:
        for line in describe_check(found):
            say(line)
    if found.get("problems"):
        raise typer.Exit(1)
