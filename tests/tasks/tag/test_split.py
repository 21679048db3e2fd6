"""What is held out of one file: sentences, whole documents, or whole groups of a column."""

import json
from pathlib import Path

import pytest

import unroll
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.tag.reader import read_data, read_tagged
from unroll.tasks.tag.settings import TagSettings

BOOKS = [f"book {k % 4}" for k in range(24)]


@pytest.fixture
def lists(tmp_path):
    """Sentences of four books, as lists in JSON lines."""
    rows = [
        {"tokens": ["Rome", "is", f"word{k}"], "tags": ["B-x", "O", "O"], "book": book}
        for k, book in enumerate(BOOKS)
    ]
    path = tmp_path / "lists.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


@pytest.fixture
def words(tmp_path):
    """The same, a word a row; the book stands in the first row of its sentence alone."""
    rows = ["Sentence #,Word,Tag,Book"]
    for k, book in enumerate(BOOKS):
        rows += [f"Sentence: {k},Rome,B-x,{book}", ",is,O,", f",word{k},O,"]
    path = tmp_path / "words.csv"
    path.write_text("\n".join(rows))
    return str(path)


@pytest.mark.parametrize(("form", "by"), [("lists", "book"), ("words", "Book"), ("words", "4")])
def test_whole_groups_are_held_out(request, form, by):
    path = request.getfixturevalue(form)
    data = read_data(path, TagSettings(by=by), [].append)
    held_out = {s.group for s in data.valid}
    assert len(held_out) == 1 and held_out.isdisjoint(s.group for s in data.train)
    assert len(data.train) == 18 and len(data.valid) == 6
    assert data.validation_set == f"those of 1 of 4 groups in column {by} of {path}"


def test_a_validation_file_needs_no_groups(lists):
    data = read_data(lists, TagSettings(by="book", valid=lists), [].append)
    assert data.validation_set == lists and not data.train[0].group


def test_groups_that_cannot_be_are_refused(tmp_path, lists, file):
    with pytest.raises(UserError, match="--by page is not a column; expected one of"):
        read_data(lists, TagSettings(by="page"), [].append)
    with pytest.raises(UserError, match="is not a table"):
        read_data(str(file), TagSettings(by="2"), [].append)
    with pytest.raises(UserError, match="several groups"):
        lines = Path(lists).read_text().split("\n")
        (tmp_path / "one.jsonl").write_text("\n".join(lines[::4]))
        read_data(str(tmp_path / "one.jsonl"), TagSettings(by="book"), [].append)


def test_a_run_with_groups_resumes_and_reads_files_without_them(tmp_path, lists, small):
    run = unroll.train(lists, tmp_path / "run", task="tag", by="book", steps=1, **small)
    assert "groups in column book" in run.config["data"]["validation_set"]
    unroll.train(lists, run.path, resume=True, steps=2, quiet=True)
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"tokens": ["Rome", "is"], "tags": ["B-x", "O"]}))
    assert run.evaluate(other)["words"] == 2


def test_groups_of_a_table_in_memory_are_those_of_its_file(tmp_path, lists, small):
    rows = [json.loads(line) for line in Path(lists).read_text().split("\n")]
    table = {name: [row[name] for row in rows] for name in rows[0]}
    run = unroll.train(table, tmp_path / "run", task="tag", by="book", steps=1, **small)
    same = unroll.train(lists, tmp_path / "same", task="tag", by="book", steps=1, **small)
    assert run.config["data"]["sha256"] == same.config["data"]["sha256"]
    assert run.result()["loss"] == same.result()["loss"]
    without = {name: table[name] for name in ("tokens", "tags")}
    assert run.evaluate(without)["loss"] == run.evaluate(lists)["loss"]


def test_two_sentences_are_the_least(tmp_path):
    (tmp_path / "a.conll").write_text("a O\n")
    sentences, _ = read_tagged(str(tmp_path / "a.conll"), TagSettings(), Problems(False))
    assert len(sentences) == 1
    with pytest.raises(UserError, match="expected at least 2"):
        read_data(str(tmp_path / "a.conll"), TagSettings(), [].append)
