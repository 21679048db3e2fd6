"""A lesson as its source has it: words in Markdown, what is computed in a module beside it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from unroll.errors import UserError
from unroll.learn.lessons import ORDER
from unroll.terminal import shortened

if TYPE_CHECKING:
    from unroll.learn.exercise import Exercise

LESSONS = Path(__file__).parent / "lessons"
SECTIONS = ("Run it", "What to see", "In Python", "Exercises", "Sources")
FOLDER = "unroll-lessons"  # how the texts name the folder of data and runs


@dataclass(frozen=True)
class Question:
    """One exercise in words.

    Attributes:
        text: the question, in Markdown.
        hint: for a wrong answer.
    """

    text: str
    hint: str


@dataclass(frozen=True)
class Lesson:
    """One lesson. Everything but the answers is read without torch.

    Attributes:
        number: of the lesson, from 1.
        name: of its files.
        title: the heading, without the number.
        text: what is read first, in Markdown.
        sections: the other parts by their heading, in Markdown.
    """

    number: int
    name: str
    title: str
    text: str
    sections: Mapping[str, str]

    @property
    def module(self) -> ModuleType:
        """What is computed: `exercises` and, where there are data, `files`."""
        return import_module(f"unroll.learn.lessons.{self.name}")

    @property
    def questions(self) -> list[Question]:
        """The exercises in words."""
        items = re.split(r"^\d+\. ", self.sections["Exercises"], flags=re.MULTILINE)[1:]
        found = []
        for item in items:
            text, _, hint = item.partition("Hint: ")
            found.append(Question(without_indent(text), " ".join(hint.split())))
        return found

    @property
    def claim(self) -> str:
        """What the tutorials say and the lesson shows: the quotation in its text."""
        quoted = [line[1:].strip() for line in self.text.splitlines() if line.startswith(">")]
        return " ".join(quoted)

    @property
    def text_without_claim(self) -> str:
        """The text, for where the claim stands elsewhere."""
        return "\n".join(line for line in self.text.splitlines() if not line.startswith(">"))

    @property
    def picture(self) -> str | None:
        """The name of the picture of the last command that is the lesson's; None: its main one."""
        name: str | None = getattr(self.module, "PICTURE", None)
        return name

    def exercises(self, folder: Path) -> list[Exercise]:
        """The right answers, computed now.

        Args:
            folder: that the data and runs of the lesson are in.
        """
        found: list[Exercise] = self.module.exercises(folder)
        return found

    def files(self) -> dict[str, str]:
        """The texts of the data by the names of their files, made from a seed."""
        make = getattr(self.module, "files", dict)
        found: dict[str, str] = make()
        return found

    def commands(self, folder: str = FOLDER) -> list[list[str]]:
        """The words of each command, with the folder in place of `unroll-lessons`.

        Returns:
            One list for each line of the section `Run it` that is a command; its first word is
            `unroll`.
        """
        lines = code_of(self.sections["Run it"]).splitlines()
        words = [shlex.split(line, comments=True) for line in lines if line.strip()]
        return [[in_folder(word, folder) for word in line] for line in words]

    def python(self, folder: str = FOLDER) -> str:
        """The lines of Python; the last one is the picture."""
        return in_folder(code_of(self.sections["In Python"]), folder)


def all_lessons() -> list[Lesson]:
    """Every lesson, in the order in which they are read."""
    return [read_lesson(number) for number in ORDER]


def lesson_of(number: str | int) -> Lesson:
    """A lesson by its number or name.

    Raises:
        UserError: where there is none.

    Examples:
        >>> from unroll.learn import lesson_of
        >>> lesson_of(1).title
        'Sequences and one cell'
    """
    for each, name in ORDER.items():
        if str(number) in (str(each), name):
            return read_lesson(each)
    raise UserError(
        f"There is no lesson {shortened(str(number), 40)!r}; expected a number from {min(ORDER)} to "
        f"{max(ORDER)}, or a name such as {ORDER[2]}. `unroll learn` lists them."
    )


def read_lesson(number: int) -> Lesson:
    """A lesson of the table, from its Markdown."""
    name = ORDER[number]
    source = (LESSONS / f"{name}.md").read_text(encoding="utf-8")
    heading, _, rest = source.partition("\n")
    text, *parts = re.split(r"^## (.+)\n", rest, flags=re.MULTILINE)
    sections = {h: part.strip("\n") for h, part in zip(parts[::2], parts[1::2], strict=True)}
    return Lesson(number, name, heading.removeprefix("# ").strip(), text.strip("\n"), sections)


def code_of(markdown: str) -> str:
    """The lines of code in a part: those between fences, or those that are indented."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL)
    if fenced:
        return "\n".join(fenced)
    return "\n".join(line[4:] for line in markdown.splitlines() if line.startswith("    "))


def without_indent(item: str) -> str:
    """An item of a list as a text of its own: its further lines are indented by three."""
    return re.sub(r"^ {3}", "", item, flags=re.MULTILINE).strip()


def in_folder(text: str, folder: str) -> str:
    """The text with another folder for data and runs."""
    return re.sub(rf"\b{FOLDER}\b", lambda _: folder, text)
