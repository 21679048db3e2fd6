import pytest

from unroll.errors import UserError
from unroll.learn import folder as room
from unroll.learn.data import TEXTS
from unroll.learn.lesson import Lesson, all_lessons


@pytest.fixture
def lesson_with_data(monkeypatch):
    lesson = Lesson(1, "sequences", "", "", {})
    monkeypatch.setattr(Lesson, "files", lambda self: {"hello.txt": "hello\nhello\n"})
    monkeypatch.setattr(room, "lesson_of", lambda number: lesson)


def test_data_are_written_once_and_a_changed_file_is_kept(lesson_with_data, tmp_path):
    place = tmp_path / "lessons"
    assert room.write_data(1, place) == [f"Written: {place / 'hello.txt'} (2 lines)"]
    assert room.write_data(1, place) == []
    (place / "hello.txt").write_text("mine")
    assert "differs" in room.write_data(1, place)[0]
    assert (place / "hello.txt").read_text() == "mine"


def test_a_folder_that_is_none_is_refused(lesson_with_data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be used for the files of lessons"):
        room.write_data(1, tmp_path / "file")


def test_a_lesson_without_data_writes_nothing(tmp_path):
    assert room.write_data(1, tmp_path / "lessons") == [] and not (tmp_path / "lessons").exists()


def test_the_files_that_no_lesson_has_are_explained():
    of_lessons = set().union(*(lesson.files() for lesson in all_lessons()))
    assert room.files_beside_lessons().keys() == TEXTS.keys() - of_lessons


def test_without_a_lesson_the_data_of_all_are_written(tmp_path):
    names = set(TEXTS).union(*(lesson.files() for lesson in all_lessons()))
    assert len(room.write_data(folder=tmp_path)) == len(names)
    assert {path.name for path in tmp_path.iterdir()} == names
