"""Lessons as pages of the documentation, in Markdown."""

from __future__ import annotations

from unroll.learn.lesson import Lesson, all_lessons
from unroll.learn.notebook import file_name


def document_of(lesson: Lesson, picture: str) -> str:
    """A lesson as a page of the documentation.

    Args:
        lesson: whose words it has.
        picture: the address of its picture.
    """
    questions = "\n\n".join(
        f"**{n}.** {question.text}" for n, question in enumerate(lesson.questions, 1)
    )
    sections = lesson.sections
    parts = [
        f"# {lesson.number}. {lesson.title}",
        lesson.text,
        f"## Run it\n\n    unroll learn {lesson.number}\n\nIt runs:\n\n{sections['Run it']}",
        f"![{lesson.title}]({picture})",
        f"## What to see\n\n{sections['What to see']}",
        f"## In Python\n\n{sections['In Python']}",
        f"## Exercises\n\n{questions}\n\nCheck your answers: `unroll learn check {lesson.number}`",
        f"## Sources\n\n{sections['Sources']}",
    ]
    return "\n\n".join(parts) + "\n"


def documents() -> dict[str, str]:
    """Every page by the name of its file: one a lesson, and `index.md`, which lists them."""
    lessons = all_lessons()
    pages = {
        f"{file_name(lesson)}.md": document_of(lesson, f"pictures/{file_name(lesson)}.svg")
        for lesson in lessons
    }
    rows = "\n".join(
        f"{lesson.number}. [{lesson.title}]({file_name(lesson)}.md)" for lesson in lessons
    )
    return pages | {"index.md": f"{INTRODUCTION}\n{rows}\n"}


INTRODUCTION = """# A course that runs

    unroll learn                                # the list
    unroll learn 4                              # one lesson: its text, its command, what to see, its exercises
    unroll learn 4 --out lesson.html            # the same as a page with its picture
    unroll learn check 4                        # asks the questions
    unroll learn check 4 --answers 12 a my.py   # or takes the answers; exit code 0 only if all are right,
                                                # 1 one is wrong or missing, 2 one could not be read
    unroll learn data                           # the data of all lessons, in unroll-lessons/
    unroll learn notebooks notebooks            # every lesson as a notebook

Each lesson takes under a minute on two cores. Data are made from a seed and written to
`unroll-lessons/`, or to `--folder`, where you can look at them and change them; no file of yours is
overwritten. The right answers are computed when you ask. In Python, and in the notebooks:

    import unroll
    unroll.learn.check(4, [12, "a", my_function])

A name does as well as a number: `unroll learn hello` is lesson 2, and `unroll learn` lists the names.

`unroll learn data` also writes texts that no lesson needs, for trying more: `counting.txt` (as many b
as a in each line), `agreement.txt` (the sentences of lesson 14, also the longer ones),
`agreement_labels.tsv` (their words with 1 for plural, for `--probe plural=@FILE`) and `people.txt` (she,
he or they by who acted). Train a language model on one, and ask what its units store as in lesson 14.
"""
