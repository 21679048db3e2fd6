import math
from pathlib import Path

import pytest

import unroll
from unroll.errors import UserError
from unroll.learn.checking import check, compared
from unroll.learn.exercise import Number, OneOf
from unroll.learn.lesson import all_lessons


@pytest.mark.parametrize("lesson", all_lessons(), ids=lambda lesson: lesson.name)
def test_the_computed_answers_of_every_lesson_are_right(lesson, tmp_path):
    exercises = lesson.exercises(tmp_path)
    assert len(exercises) == 3
    assert compared(lesson, exercises, [exercise.solution for exercise in exercises]).all_right
    for exercise, question in zip(exercises, lesson.questions, strict=True):
        if isinstance(exercise, OneOf):
            assert all(f"\n\n{letter}. " in question.text for letter in exercise.truths)
        elif isinstance(exercise, Number):
            assert math.isfinite(exercise.value)


def test_wrong_answers_get_a_hint_and_missing_ones_do_not_count():
    checked = unroll.learn.check(1, [44, "b", None])
    assert not checked.all_right
    assert checked.lines()[0].startswith("1. 44: wrong. Hint: `W_ih` takes 4 numbers")
    assert checked.lines()[1:] == ["2. b: right.", "3. not answered yet.", "1 of 3 right."]
    assert [e["right"] for e in checked.as_dict()["exercises"]] == [False, True, False]
    assert "<li>b: right.</li>" in checked._repr_html_() and "1 of 3" in repr(checked)


def test_answers_of_the_wrong_number_or_kind_are_refused():
    with pytest.raises(UserError, match="Lesson 1 has 3 exercises, and 1 answer was given"):
        check(1, [45])
    with pytest.raises(UserError, match="and 4 answers were given"):
        check(1, [45, "b", None, None])


def test_answers_that_cannot_be_read_are_said_in_their_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = Path("mine.py")
    file.write_text("def another():\n    return 1\n")
    checked = check(1, ["forty-five", "b", str(file)])
    assert not checked.all_judged and not checked.all_right
    assert checked.lines() == [
        "1. not judged. Got 'forty-five'; expected a number, as 0.73 or 1500.",
        "2. b: right.",
        f"3. not judged. {file} has no function step; expected `def step(...)`.",
        "1 of 3 right.",
    ]
    assert [e["judged"] for e in checked.as_dict()["exercises"]] == [False, True, False]
    assert checked.as_dict()["exercises"][0]["hint"] is None
    file.write_text("def step(:\n")
    line = check(1, ["1,39", "z", str(file)]).lines()[2]
    assert "not judged. The file stops with SyntaxError, line 1" in line
    assert "Hint" not in line and line.endswith(".")
    gone = check(1, [None, None, "nofile.py"])
    assert gone.lines()[2].startswith("3. not judged. There is no file nofile.py; expected a file")


def test_a_remark_ends_before_the_hint():
    def step(*arguments):
        raise ValueError("no stop")

    assert "no stop. Hint: " in check(1, [None, None, step]).lines()[2]


DIGITS = {"One digit": 1, "Two digits": 2, "two digits": 2, "Three digits": 3}


@pytest.mark.parametrize("lesson", all_lessons(), ids=lambda lesson: lesson.name)
def test_a_number_is_right_when_rounded_as_the_question_asks(lesson, tmp_path):
    for exercise, question in zip(lesson.exercises(tmp_path), lesson.questions, strict=True):
        if isinstance(exercise, Number):
            asked = [
                n for words, n in DIGITS.items() if f"{words} after the point" in question.text
            ]
            whole = "How many" in question.text or "whole number" in question.text
            (digits,) = asked or [0]
            assert asked or whole
            assert exercise.judge(round(exercise.value, digits)).right
            assert not exercise.judge(exercise.value + 2 * 10**-digits).right
