import ast
import json
import time

import pytest

from unroll.cli.learn import run_command
from unroll.cli.main import run
from unroll.learn.lesson import all_lessons, lesson_of

STEP = "import numpy as np\n\ndef step(W_ih, W_hh, b, x, h):\n    return np.tanh(W_ih @ x + W_hh @ h + b)\n"


@pytest.fixture
def printed(tmp_path, monkeypatch, capsys):
    """What a command prints in an empty folder, by its words."""
    monkeypatch.chdir(tmp_path)

    def printed(*words, code=0):
        assert run(["learn", *map(str, words)], False) == code
        return capsys.readouterr()

    return printed


def test_the_list(printed):
    out = printed().out
    assert all(f"{lesson.number:4}  {lesson.title}" in out for lesson in all_lessons())
    listed = json.loads(printed("--json").out)
    assert listed[0]["commands"] == ["unroll inspect cell rnn hello --hidden 2"]


def test_a_lesson_runs_its_command_and_writes_its_page(printed, tmp_path):
    out = printed("1", "--out", "page.html", "--svg", "picture.svg").out
    parts = ["1. Sequences", "$ unroll inspect cell", "h'  0.516", "What to see", "1. A cell with"]
    places = [out.index(part) for part in parts]
    assert places == sorted(places)
    assert "Hint" not in out and "unroll learn check 1" in out
    assert "<svg" in (tmp_path / "picture.svg").read_text()
    assert "Exercises" in (tmp_path / "page.html").read_text()
    assert "exists already" in printed("1", "--out", "page.html", code=2).err
    assert json.loads(printed("lesson", "1", "--json").out)["title"] == "Sequences and one cell"


QUICK = {1, 3, 4, 5}  # lessons that train nothing


@pytest.mark.parametrize("number", sorted(QUICK))
def test_the_lines_of_python_show_what_the_command_shows(printed, number):
    out = printed(number).out
    lines = ast.parse(lesson_of(number).python())
    last = lines.body.pop()
    names = {}
    exec(compile(lines, "lesson", "exec"), names)
    finding = eval(compile(ast.Expression(last.value), "lesson", "eval"), names)
    assert finding.text() in out


def test_check_takes_answers_and_a_file(printed, tmp_path):
    (tmp_path / "mine.py").write_text(STEP)
    assert "3 of 3 right." in printed("check", "1", "--answers", "45", "b", "mine.py").out
    assert "3 of 3 right." in printed("check", "1", "45", "b", "--file", "mine.py").out
    assert "1 of 3 right." in printed("check", "1", "--file", "mine.py", code=1).out
    out = json.loads(printed("check", "1", "--answers", "-4.5", "a", "-", "--json", code=1).out)
    assert [e["given"] for e in out["exercises"]] == ["-4.5", "a", None] and not out["all_right"]


def test_check_judges_the_other_answers_where_one_cannot_be_read(printed):
    got = printed("check", "1", "45", "b", "nowhere.py", code=2)
    assert "2. b: right." in got.out and "There is no file nowhere.py" in got.out
    assert "2 of 3 right." in got.out
    assert "1 of 3 right." in printed("check", "1", "x", "b", "-", code=2).out


def test_lessons_have_names_too(printed):
    assert (
        lesson_of(2).name in printed().out
        and "or a name such as hello" in printed("abc", code=2).err
    )


def test_check_asks_and_gives_hints(printed, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(STEP)
    (tmp_path / "answers").write_text("44\n45\nq\nb\nmine.py\n")
    with (tmp_path / "answers").open() as answers:
        monkeypatch.setattr("sys.stdin", answers)
        out = printed("check", "1").out
    assert "44: wrong. Hint:" in out and "not judged. Got 'q'" in out and "3 of 3 right." in out
    with (tmp_path / "nothing").open("w+") as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert "0 of 3 right." in printed("check", "1", code=1).out


def test_what_cannot_be_is_refused_in_a_sentence(printed):
    for words in (
        ["99"], ["check", "99"], ["abc"], ["check", "1", "45"], ["check", "1", "--answers"],
        ["check", "1", "45", "b", "x.py", "--file", "y.py"],
        ["1", "--out", "nowhere/page.html"],
        ["notebooks", "books", "--lesson", "0"],
        ["check", "1", "--nope"], [""], ["3", "--folder", ""],        ["notebooks", ""],
    ):  # fmt: skip
        error = printed(*words, code=2).err
        assert error.startswith("unroll: ") and "Traceback" not in error and len(error) < 300


def test_notebooks_are_written(printed, tmp_path):
    assert "Written: books/01-sequences.ipynb" in printed("notebooks", "books").err
    assert "has the notebooks already" in printed("notebooks", "books").err
    assert json.loads((tmp_path / "books/01-sequences.ipynb").read_text())["nbformat"] == 4


def test_all_data_are_written_once(printed, tmp_path):
    assert "hello.txt (1 line)" in printed("data").err
    again = printed("data").err
    assert again.startswith("unroll-lessons has the data already.\n") and "people.txt: " in again
    assert (tmp_path / "unroll-lessons/hello.txt").read_text() == "hello"


def test_a_run_that_is_there_is_not_trained_again(tmp_path, capsys):
    words = ["unroll", "train", "text.txt", "--out", str(tmp_path)]
    assert run_command(None, words) == []
    assert "not trained again" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("lesson", all_lessons(), ids=lambda lesson: lesson.name)
def test_every_lesson_runs_within_a_minute(printed, lesson):
    started = time.process_time()
    out = printed(lesson.number, "--svg", "picture.svg", "--out", "page.html").out
    assert "unroll learn check" in out and time.process_time() - started < 120  # of two cores
