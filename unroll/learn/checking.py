"""Answers to the exercises of a lesson, compared with what is computed."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unroll.errors import UserError
from unroll.learn.exercise import Exercise, Verdict
from unroll.learn.lesson import FOLDER, Lesson, Question, lesson_of
from unroll.terminal import printable, shortened


@dataclass(frozen=True)
class Checked:
    """The answers to a lesson's exercises, and whether they are right. A notebook shows it as a list.

    Attributes:
        lesson: its number.
        given: the answers as text; None where there is none yet.
        verdicts: one for each answer.
        questions: one for each answer.
    """

    lesson: int
    given: list[str | None]
    verdicts: list[Verdict]
    questions: list[Question]

    @property
    def all_right(self) -> bool:
        """Whether every answer is right."""
        return all(verdict.right for verdict in self.verdicts)

    @property
    def all_judged(self) -> bool:
        """Whether every answer could be read."""
        return all(verdict.judged for verdict in self.verdicts)

    def lines(self) -> list[str]:
        """One sentence for each answer, and how many are right."""
        found = [
            f"{n}. {sentence(given, verdict, question)}"
            for n, (given, verdict, question) in enumerate(
                zip(self.given, self.verdicts, self.questions, strict=True), 1
            )
        ]
        right = sum(verdict.right for verdict in self.verdicts)
        return [*found, f"{right} of {len(self.verdicts)} right."]

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        rows = zip(self.given, self.verdicts, self.questions, strict=True)
        return {
            "lesson": self.lesson,
            "all_right": self.all_right,
            "exercises": [
                {
                    "question": question.text,
                    "given": given,
                    "right": verdict.right,
                    "judged": verdict.judged and given is not None,
                    "remark": verdict.remark or None,
                    "hint": question.hint if verdict.judged and not verdict.right else None,
                }
                for given, verdict, question in rows
            ],
        }

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        *sentences, total = (html.escape(line) for line in self.lines())
        rows = "".join(f"<li>{line.partition('. ')[2]}</li>" for line in sentences)
        return f"<ol>{rows}</ol><p>{total}</p>"


def check(lesson: str | int, answers: Sequence[Any], folder: str | Path = FOLDER) -> Checked:
    """Compare answers to the exercises of a lesson with what is computed.

    When to use it: in a notebook, after a lesson; `unroll learn check` does the same in a terminal.

    Args:
        lesson: its number.
        answers: one for each exercise: a number, a letter of a choice, a word, or a function (or the
            file that it is in). None: not answered yet.
        folder: that the data and runs of the lesson are in.

    Raises:
        UserError: for a lesson that does not exist, and too many or too few answers.

    Examples:
        >>> from unroll.learn import check
        >>> check(1, [None, None, None]).all_right
        False
    """
    chosen = lesson_of(lesson)
    return compared(chosen, chosen.exercises(Path(folder)), answers)


def compared(lesson: Lesson, exercises: Sequence[Exercise], answers: Sequence[Any]) -> Checked:
    """Answers compared with the right ones.

    Args:
        lesson: whose exercises they are.
        exercises: the right answers.
        answers: one for each.

    Raises:
        UserError: for too many or too few answers.
    """
    if isinstance(answers, str) or len(answers) != len(exercises):
        kinds = "; ".join(f"{n}: {each.expects}" for n, each in enumerate(exercises, 1))
        given = 1 if isinstance(answers, str) else len(answers)
        were = "answer was" if given == 1 else "answers were"
        raise UserError(
            f"Lesson {lesson.number} has {len(exercises)} exercises, and {given} {were} given. "
            f"Expected {kinds}."
        )
    verdicts = [
        verdict_on(exercise, answer) for exercise, answer in zip(exercises, answers, strict=True)
    ]
    texts = [None if answer is None else as_text(answer) for answer in answers]
    return Checked(lesson.number, texts, verdicts, lesson.questions)


def verdict_on(exercise: Exercise, answer: Any) -> Verdict:
    """The verdict on an answer; one of the wrong kind is not judged, and the remark says why."""
    if answer is None:
        return Verdict(False)
    try:
        return exercise.judge(answer)
    except UserError as error:
        return Verdict(False, str(error), judged=False)


def as_text(answer: Any) -> str:
    """An answer as a line shows it."""
    return shortened(printable(getattr(answer, "__name__", str(answer))), 60)


def sentence(given: str | None, verdict: Verdict, question: Question) -> str:
    """What is said of one answer."""
    if given is None:
        return "not answered yet."
    if verdict.right:
        return f"{given}: right."
    remark = f" {verdict.remark}" if verdict.remark else ""
    if remark and not remark.endswith((".", "!", "?")):
        remark += "."
    if not verdict.judged:
        return f"not judged.{remark}"
    return f"{given}: wrong.{remark} Hint: {question.hint}"
