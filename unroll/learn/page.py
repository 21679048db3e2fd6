"""A lesson as a page that works offline: its text, what to see, its picture, its exercises."""

from __future__ import annotations

import html
import shlex

from unroll.inspect.finding import Finding
from unroll.inspect.page import Section, render_page
from unroll.learn.lesson import Lesson
from unroll.learn.words import as_html


def lesson_page(lesson: Lesson, findings: list[Finding], folder: str) -> str:
    """The page of a lesson.

    Args:
        lesson: whose words it has.
        findings: what its commands showed.
        folder: that its data and runs are in.
    """
    before = as_html(lesson.text_without_claim) + commands_html(lesson, folder)
    after = words_after(lesson)
    look_for = after.pop("What to see")  # before the picture, which may be long
    sections = [
        Section("lesson", "The idea", {"words": before}),
        Section("lesson", "What to see", {"words": look_for}),
        *(finding.section() for finding in findings),
        *(Section("lesson", title, {"words": words}) for title, words in after.items()),
    ]
    return render_page(
        f"{lesson.number}. {lesson.title}", sections, f"unroll learn {lesson.number}"
    )


def words_after(lesson: Lesson) -> dict[str, str]:
    """HTML by heading of what follows the picture; hints are closed until they are asked for."""
    found = {}
    for title, markdown in lesson.sections.items():
        if title == "Exercises":
            items = "".join(
                f"<li>{as_html(q.text)}<details><summary>Hint</summary>{as_html(q.hint)}</details></li>"
                for q in lesson.questions
            )
            check = f"unroll learn check {lesson.number}"
            found[title] = f"<ol>{items}</ol><p>Check your answers: <code>{check}</code></p>"
        elif title != "Run it":
            found[title] = as_html(markdown)
    return found


def commands_html(lesson: Lesson, folder: str) -> str:
    """The commands of a lesson, one a line."""
    lines = "\n".join(shlex.join(words) for words in lesson.commands(folder))
    return f'<h3>Run it</h3><pre tabindex="0"><code>{html.escape(lines)}</code></pre>'
