"""Look at data before anything is trained on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unroll.in_memory.source import open_data
from unroll.tasks import load_task
from unroll.tasks.base import Log
from unroll.tasks.task_settings import choose_task, task_settings


def check(
    data: Any, log: Log, *, labels: Any = None, task: str | None = None, **settings: Any
) -> dict[str, object]:
    """What `unroll train` would read: how much, its lengths and labels, what is bad or truncated.

    Args:
        data: a text, a table, a folder: what the task reads; "-" for standard input. Or data from
            Python, as `unroll.train` takes it.
        log: takes a sentence for each thing that was guessed.
        labels: one for each record of data from Python. Default: in the data.
        task: its name; None: guessed from the data and the settings.
        settings: as `unroll.train` takes them.

    Returns:
        Facts by name, `task` and `problems` among them.

    Raises:
        UserError: where nothing can be read at all.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    with open_data(data, given, labels=labels, task=task) as source:
        name, why = source.task or choose_task(source.path, task, source.values)
        checked = task_settings(name, source.values_for(name))

        def said(sentence: str) -> None:
            log(source.wordings.say(sentence))

        for message in source.messages:
            said(message)
        said(f"{source.path} is read for the task {name} (--task): {why}.")
        facts = load_task(name).check(source.path, checked, said)
        return {"task": name, **source.wordings.say(facts)}


SENTENCES = ("messages", "problems")  # facts that are sentences, each on a line of its own


def describe_check(facts: Mapping[str, object]) -> list[str]:
    """The facts of a check as lines: one per fact, and one per sentence of its messages and problems."""
    lines = []
    for name, value in facts.items():
        if name in SENTENCES and isinstance(value, list) and value:
            lines += [f"{name}:", *(f"  {sentence}" for sentence in value)]
        else:
            lines.append(f"{name.replace('_', ' ')}: {in_words(value)}")
    return lines


def in_words(value: object) -> str:
    """A value of JSON as people read it: `a 1, b 2`, `yes`, `1,200`, `none`."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(each)}" for name, each in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(in_words(each) for each in value) or "none"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
