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


def test_a_header_and_numbers_of_sentences_are_no_sources():
    assert sources("en\tfr\none\tun\ntwo\tdeux\n") == ["one", "two"]
    assert sources("1\tone\t7\tun\n2\ttwo\t8\tdeux\n3\tall\t9\ttout\n") == ["one", "two", "all"]


def test_columns_that_are_missing_are_refused():
    with pytest.raises(UserError, match="no column 'fr'"):
        sources("a\tb\n", "fr")
    with pytest.raises(UserError, match="line 1: 2 columns; expected the source in column 3"):
        sources("a\tb\n", "3")


def test_an_input_is_a_text():
    assert check_text(" a ") == "a"
    with pytest.raises(UserError, match="Got int where a text to translate is expected"):
        check_text(3)


def test_tables_and_json():
    for name, text in (
        ("a.csv", 'id,text\n1,"one, two"\n2,three\n'),
        ("b.csv", 'fr,en\nun,"one, two"\ntrois,three\n'),
        ("c.jsonl", '{"en": "one, two"}\n{"en": "three"}\n'),
        (
            "d.jsonl",
            '{"translation": {"fr": "un", "en": "one, two"}}\n{"translation": {"en": "three"}}\n',
        ),
        ("e.json", '["one, two"]\n["three"]\n'),
    ):
        Path(name).write_text(text)
        assert list(read_sources(name, "en", parallel=False, named=())) == ["one, two", "three"], (
            name
        )
