"""The training set and the validation set of pairs."""

import pytest

from unroll.errors import UserError
from unroll.tasks.translate.reader import read_pairs
from unroll.tasks.translate.settings import TranslateSettings


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def numbers(place, **settings):
    rows = [f"number {n % 40}\tnombre {n % 40}\n" for n in range(80)]
    (place / "numbers.tsv").write_text("".join(rows))
    return read_pairs("numbers.tsv", TranslateSettings(level="word", min_count=1, **settings))


def test_no_source_is_in_both_parts(place):
    read = numbers(place)
    assert len(read.valid_pairs) == 8 and len(read.train) == 72
    assert {p.source for p in read.valid_pairs}.isdisjoint(p.source for p in read.training_pairs)
    assert (
        "0 of 8 validation pairs have a source that is in the training set too" in read.messages[-1]
    )
    assert read.valid_pairs == numbers(place).valid_pairs


def test_duplicates_of_another_file_are_counted(place):
    (place / "valid.tsv").write_text("number 3\tnombre 3\nnumber 4\tquatre\nnumber x\tx\n")
    read = numbers(place, valid="valid.tsv")
    assert (
        "2 of 3 validation pairs have a source that is in the training set too; 1 of them"
        in read.messages[-1]
    )


def test_long_pairs_are_refused_truncated_or_skipped_as_asked(place):
    (place / "long.tsv").write_text("a b\tc\n" * 20 + "a b c d\te\n")
    (place / "valid.tsv").write_text("a\tb\n")
    settings = {"level": "word", "max_length": 3, "valid": "valid.tsv"}
    with pytest.raises(UserError, match="4 and 1 tokens, with max_length=3"):
        read_pairs("long.tsv", TranslateSettings(**settings))
    cut = read_pairs("long.tsv", TranslateSettings(too_long="cut", **settings))
    assert len(cut.train) == 21 and cut.train.source.lengths.max() == 3
    out = read_pairs("long.tsv", TranslateSettings(too_long="leave_out", **settings))
    assert len(out.train) == 20
    for read, word in ((cut, "truncated"), (out, "skipped")):
        assert f"1 pair is longer than 3 tokens and is {word}." in read.messages


def test_whole_groups_are_held_out(place):
    rows = [f"a {n}\tb {n}\tbook {n % 12}\n" for n in range(60)]
    (place / "books.tsv").write_text("source\ttarget\tbook\n" + "".join(rows))
    read = read_pairs("books.tsv", TranslateSettings(level="word", min_count=1, by="book"))
    assert read.validation_set == "those of 1 of 12 in column book of books.tsv"
    held = {int(pair.source.split()[1]) % 12 for pair in read.valid_pairs}
    assert len(held) == 1 and len(read.valid_pairs) == 5
    assert not any(int(p.source.split()[1]) % 12 in held for p in read.training_pairs)
    (place / "one.tsv").write_text("source\ttarget\tbook\na\tb\tx\nc\td\tx\n")
    with pytest.raises(UserError, match=r"All 2 records are of the group 'x'"):
        read_pairs("one.tsv", TranslateSettings(by="book"))


def test_more_pairs_than_are_kept_are_read_again(place, monkeypatch):
    whole = numbers(place)
    monkeypatch.setattr("unroll.tasks.translate.reader.KNOWN_PAIRS", 30)
    again = numbers(place)
    assert again.valid_pairs == whole.valid_pairs
    assert again.train.target.ids.tolist() == whole.train.target.ids.tolist()
    assert again.training_pairs == whole.training_pairs[::3]
