"""The texts that a file of inputs asks to translate."""

from pathlib import Path

import pytest

from unroll.errors import UserError
from unroll.tasks.translate.inputs import check_text, read_sources


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sources(text, column=None, parallel=False):
    Path("new.tsv").write_text(text)
    return list(read_sources("new.tsv", column, parallel=parallel))


def test_lines_and_columns():
    assert sources("one\n\ntwo\n") == ["one", "", "two"]
    assert sources("a\tb\nc\td\n") == ["a", "c"]
    assert sources("a\tb\nc\td\n", "2") == ["b", "d"]
    assert sources("en\tfr\nc\td\n", "fr") == ["d"]
    assert sources("a\tb\n", parallel=True) == ["a\tb"]


def test_columns_that_are_missing_are_refused():
    with pytest.raises(UserError, match="no column 'fr'"):
        sources("a\tb\n", "fr")
    with pytest.raises(UserError, match="line 1: 2 columns; expected the source in column 3"):
        sources("a\tb\n", "3")


def test_an_input_is_a_text():
    assert check_text(" a ") == "a"
    with pytest.raises(UserError, match="Got int where a text to translate is expected"):
        check_text(3)
