"""Lessons as notebooks: the words, the lines of Python, and a cell that checks the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.learn.lesson import Lesson, all_lessons, lesson_of
from unroll.training.files import write_whole


def write_notebooks(folder: str | Path, lesson: str | int | None = None) -> list[Path]:
    """Write lessons as notebooks, each only where there is no file of its name yet.

    Args:
        folder: made where it does not exist.
        lesson: the number of one lesson. Default: all.

    Returns:
        The files that were written.

    Raises:
        UserError: for a lesson that does not exist, and a folder that cannot be written.
    """
    lessons = all_lessons() if lesson is None else [lesson_of(lesson)]
    written = []
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for each in lessons:
            path = Path(folder) / f"{file_name(each)}.ipynb"
            if not path.exists():
                write_whole(path, json.dumps(notebook_of(each), indent=1).encode())
                written.append(path)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be used for notebooks: {error.strerror or error}. Name another folder."
        ) from error
    return written


def notebook_of(lesson: Lesson) -> dict[str, Any]:
    """A lesson as a notebook, version 4.5 of the format.

    Args:
        lesson: whose words and lines of Python it has.
    """
    questions = "\n\n".join(
        f"**{n}.** {question.text}" for n, question in enumerate(lesson.questions, 1)
    )
    answers = ", ".join(["None"] * len(lesson.questions))
    cells = [text_cell(f"# {lesson.number}. {lesson.title}\n\n{lesson.text}")]
    if lesson.files():
        cells.append(
            code_cell(f"from unroll.learn import write_data\n\nwrite_data({lesson.number})")
        )
    cells += [
        code_cell(lesson.python()),
        text_cell(f"## What to see\n\n{lesson.sections['What to see']}"),
        text_cell(f"## Exercises\n\n{questions}"),
        code_cell(
            "from unroll.learn import check\n\n"
            "# a number, a letter, a word, or a function that you wrote in a cell above\n"
            f"answers = [{answers}]\ncheck({lesson.number}, answers)"
        ),
        text_cell(f"## Sources\n\n{lesson.sections['Sources']}"),
    ]
    for n, cell in enumerate(cells):
        cell["id"] = f"lesson-{lesson.number}-{n}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def text_cell(markdown: str) -> dict[str, Any]:
    """A cell of words."""
    return {"cell_type": "markdown", "metadata": {}, "source": markdown}


def code_cell(code: str) -> dict[str, Any]:
    """A cell of Python that has not run yet."""
    return {
        "cell_type": "code", "metadata": {}, "source": code.strip("\n"), "outputs": [],
        "execution_count": None,
    }  # fmt: skip


def file_name(lesson: Lesson) -> str:
    """The name of a lesson's files, without ending: `04-unrolling`."""
    return f"{lesson.number:02}-{lesson.name}"
