import math

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
    with pytest.raises(UserError, match="Exercise 2: Got 'z'; expected one of the letters"):
        check(1, [45, "z", None])
