"""Write the API reference while the site is built: one page a room, from the docstrings.

Which names a page has is read from the package: the public names of `unroll`, the typed class of a
task, and the settings of every task, so that nothing is listed twice.
"""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import unroll
from unroll.settings.rows import setting_rows
from unroll.tasks import TASKS

INTRODUCTIONS = {
    "run": ("Runs", "From data to a trained, evaluated, usable model."),
    "layers": (
        "Layers",
        "Recurrent layers as torch modules, and what explains and accelerates them.",
    ),
    "engine": ("A step over time", "The engine: any cell over any sequence, on any backend."),
    "cells": ("Cells", "One step of each recurrent network. [The zoo](cells.md) compares them."),
    "tasks": ("Tasks", "What a task is to the rest of the program."),
    "learn": ("The course", "Lessons and their exercises, from Python or a notebook."),
    "testing": ("Testing", "Checks for a cell of your own."),
}
MORE = {
    "run": [
        "unroll.tasks.language.run.LanguageRun",
        "unroll.tasks.music.run.MusicRun",
        "unroll.tasks.transcribe.run.TranscribeRun",
    ],
    "tasks": ["unroll.tasks.base.Task", "unroll.training.objective.Objective"],
    "learn": [
        "unroll.learn.checking.check",
        "unroll.learn.folder.write_data",
        "unroll.learn.notebook.write_notebooks",
        "unroll.learn.lesson.lesson_of",
        "unroll.learn.lesson.Lesson",
        "unroll.learn.checking.Checked",
    ],
    "testing": ["unroll.testing.check_cell"],
}


def pages() -> dict[str, list[str]]:
    """The full names that each page documents."""
    found: dict[str, list[str]] = {room: [] for room in INTRODUCTIONS}
    for name, package in unroll.PUBLIC.items():
        value = getattr(unroll, name)
        room = package.split(".")[1]
        found["run" if room == "errors" else room].append(
            f"{value.__module__}.{value.__qualname__}"
        )
    for room, names in MORE.items():
        found[room] = [*names, *found[room]] if room == "tasks" else [*found[room], *names]
    return found


def settings_page() -> str:
    """A table of every setting of every task."""
    parts = [
        "# Settings",
        "What can be set of each task: by its flag, by `--set name=value`, or by its name in "
        "`unroll.train(..., name=value)`. `unroll train TASK --help` prints the same.",
    ]
    for name, entry in TASKS.items():
        rows = ["| setting | default | meaning |", "|---|---|---|"]
        for row in setting_rows(entry.settings_class()):
            words = [text.replace("|", "\\|") for text in (row.default or "", row.meaning)]
            rows.append(f"| `{row.typed}` | {words[0]} | {words[1]} |")
        parts += [f"## {name}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the reference, and the page that lists them."""
    rows = []
    for room, names in pages().items():
        title, sentence = INTRODUCTIONS[room]
        content = (
            f"# {title}\n\n{sentence}\n\n" + "\n\n".join(f"::: {name}" for name in names) + "\n"
        )
        name = f"reference_{room}.md"
        files.append(File.generated(config, name, content=content))
        rows.append(f"| [{title}]({name}) | {sentence} |")
    files.append(File.generated(config, "reference_settings.md", content=settings_page()))
    rows.append("| [Settings](reference_settings.md) | Every setting of every task. |")
    table = "| page | what |\n|---|---|\n" + "\n".join(rows) + "\n"
    content = (
        f"# Reference\n\nWritten from the docstrings of version {unroll.__version__}.\n\n{table}"
    )
    files.append(File.generated(config, "reference.md", content=content))
    return files
