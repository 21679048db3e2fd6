import subprocess
import sys

import pytest

from unroll.errors import UserError
from unroll.learn.lesson import (
    SECTIONS,
    all_lessons,
    code_of,
    in_folder,
    lesson_of,
    without_indent,
)
from unroll.learn.words import as_terminal_text

LESSONS = all_lessons()
MOST_LINES = 40  # of reading, in a terminal


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_every_lesson_is_whole_and_short(lesson, tmp_path):
    assert tuple(lesson.sections) == SECTIONS
    reading = as_terminal_text(lesson.text + "\n\n" + lesson.sections["What to see"])
    assert len([line for line in reading.splitlines() if line.strip()]) < MOST_LINES
    assert lesson.claim.startswith("Claim of the tutorials: ")
    assert "Claim of" not in lesson.text_without_claim
    assert len(lesson.questions) == 3
    assert all(question.text and question.hint for question in lesson.questions)
    assert 1 <= len(lesson.commands()) <= 2
    assert all(words[0] == "unroll" for words in lesson.commands())
    assert "http" in lesson.sections["Sources"]
    compile(lesson.python(), lesson.name, "exec")


def test_a_lesson_is_found_by_number_and_name():
    assert lesson_of("1") == lesson_of(1) == lesson_of("sequences")
    with pytest.raises(UserError, match="There is no lesson '99'; expected a number from 1 to"):
        lesson_of(99)


def test_code_of_a_part_is_fenced_or_indented():
    assert code_of("Text\n\n    unroll cells\n\nmore") == "unroll cells"
    assert code_of("```python\na = 1\nb = 2\n```\n") == "a = 1\nb = 2\n"
    assert without_indent("one\n\n   a. two\n") == "one\n\na. two"


def test_the_folder_of_data_can_be_another():
    assert in_folder("unroll-lessons/hello.txt", "/a b/c") == "/a b/c/hello.txt"
    assert in_folder("my-unroll-lessonsx", "x") == "my-unroll-lessonsx"


def test_the_list_of_lessons_loads_no_torch():
    code = "import sys, unroll.learn as u; u.all_lessons(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
