"""Texts as ids on disk: cut without loss, written once, never mistaken for another."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.data.characters import CharacterVocabulary
from unroll.data.encoded import cache_folder, encode_lines, encode_stream, text_part
from unroll.data.vocabulary import BOUNDARY
from unroll.data.words import WordVocabulary


class Documents:
    """A source whose documents are given as lists of pieces."""

    def __init__(self, *documents):
        self._documents = documents

    def documents(self):
        return map(iter, self._documents)


def sides(source, cut, exact):
    first, second = (list(text_part(source, cut, exact=exact, first=f)) for f in (True, False))
    return ["".join(text for _, text in side) for side in (first, second)], first + second


documents = st.lists(st.lists(st.text("ab \n", min_size=1, max_size=8), max_size=4), max_size=4)


@settings(deadline=None)
@given(documents, st.integers(0, 60), st.booleans())
def test_two_sides_of_a_cut_are_the_whole_text(documents, cut, exact):
    whole = "".join("".join(d) for d in documents)
    (first, second), parts = sides(Documents(*documents), min(cut, len(whole)), exact)
    assert first + second == whole
    for number, document in enumerate(documents):
        assert "".join(text for n, text in parts if n == number) == "".join(document)
    if exact:
        assert first == whole[:cut]


@pytest.mark.parametrize(
    ("cut", "first"),
    [(3, "ab\n"), (4, "ab\ncd ef\n"), (2, "ab\n"), (10, "ab\ncd ef\ngh "), (0, "ab\n")],
)
def test_inexact_cuts_fall_behind_the_line_or_word_that_stands_there(cut, first):
    if cut == 0:
        first = ""  # nothing stands before the beginning
    (found, _), _ = sides(Documents(["ab\ncd ef\ngh ", "ij kl"]), cut, exact=False)
    assert found == first


def test_no_cut_means_everything():
    source = Documents(["ab", "c"], [], ["d"])
    assert list(text_part(source)) == [(0, "ab"), (0, "c"), (2, "d")]


def stream(texts=((0, "abca"),), vocabulary=None, key="key"):
    return encode_stream(iter(texts), vocabulary or CharacterVocabulary("abc"), key)


def test_each_document_starts_with_one_boundary():
    encoded = stream([(0, "ab"), (0, "c"), (1, "a"), (3, "b?")])
    assert encoded.ids.tolist() == [1, 2, 3, 4, 1, 2, 1, 3, 0]
    assert (encoded.tokens, encoded.characters, encoded.unknown) == (8, 6, 1)
    assert encoded.unknown_rate == 1 / 8


def test_words_that_end_their_line_need_no_second_boundary():
    words = WordVocabulary(["a", "b"], "spaces")
    assert stream([(0, "a b\n"), (1, "b"), (2, "a")], words).ids.tolist() == [1, 2, 3, 1, 3, 1, 2]


def test_lines_stand_between_boundaries_and_know_where_they_start():
    records = [("ab", "x"), ("c", "y"), ("abc", "x")]
    encoded = encode_lines(records, CharacterVocabulary("abc"), ["x", "y"], "key")
    assert encoded.ids.tolist() == [1, 2, 3, 1, 4, 1, 2, 3, 4, 1]
    assert encoded.starts.tolist() == [0, 3, 5] and encoded.categories.tolist() == [0, 1, 0]
    assert encoded.characters == 9  # with a line end each
    assert all(encoded.ids[start] == BOUNDARY for start in encoded.starts)


def test_the_cache_lies_where_the_system_says(cache, monkeypatch):
    stream()
    assert cache_folder() == cache / "unroll" / "tokens"
    assert len(list(cache_folder().iterdir())) == 1
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "unroll" / "tokens"


def test_what_is_cached_is_not_read_again():
    first = stream()
    second = encode_stream(never(), CharacterVocabulary("abc"), "key")
    assert second.ids.tolist() == first.ids.tolist() and second.characters == 4
    assert len(list(cache_folder().iterdir())) == 1


def never():
    raise AssertionError("read again")
    yield


def test_another_key_vocabulary_or_order_of_categories_is_another_folder():
    vocabularies = CharacterVocabulary("abc"), CharacterVocabulary("bc")
    assert stream(key="a").ids.tolist() == stream(key="b").ids.tolist() == [1, 2, 3, 4, 2]
    assert stream(vocabulary=vocabularies[1]).ids.tolist() == [1, 0, 2, 3, 0]
    lines = [
        encode_lines([("a", "x")], vocabularies[0], categories, "key").categories.tolist()
        for categories in (["x", "y"], ["w", "x"])
    ]
    assert lines == [[0], [1]]
    assert len(list(cache_folder().iterdir())) == 5


def test_a_half_written_folder_is_not_used():
    whole = stream().ids.tolist()
    (folder,) = cache_folder().iterdir()
    (folder / "meta.json").unlink()
    (folder / "ids.bin").write_bytes(b"\0\0")
    assert stream().ids.tolist() == whole
    assert [p.name for p in cache_folder().iterdir()] == [folder.name]


def test_a_failure_while_writing_leaves_nothing():
    def broken():
        yield 0, "abc"
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        stream(broken())
    assert list(cache_folder().iterdir()) == []


def test_a_race_that_another_process_won_is_no_failure(monkeypatch):
    def texts():
        stream()  # the other process
        yield 0, "abca"

    assert stream(texts()).ids.tolist() == [1, 2, 3, 4, 2]
    assert len(list(cache_folder().iterdir())) == 1


@pytest.mark.parametrize(("size", "dtype"), [(65_534, "uint16"), (65_535, "uint32")])
def test_ids_are_as_small_as_the_vocabulary_allows(size, dtype):
    characters = "".join(map(chr, range(0x10000, 0x10000 + size)))
    encoded = stream([(0, characters[-1])], CharacterVocabulary(characters))
    assert encoded.ids.tolist() == [1, size + 1] and encoded.ids.dtype == dtype
    (folder,) = cache_folder().iterdir()
    assert json.loads((folder / "meta.json").read_text())["dtype"] == dtype


def test_ids_are_mapped_and_cannot_be_changed():
    encoded = stream()
    assert isinstance(encoded.ids, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        encoded.ids[0] = 5


def test_the_head_of_a_stream_and_of_lines_is_whole_tokens_and_lines():
    from unroll.data.encoded import first_tokens

    stream = encode_stream([(0, "abcab" * 20)], CharacterVocabulary("abc"), "head stream")
    part = first_tokens(stream, 30)
    assert part.tokens == 30 and part.characters == 30 and list(part.ids) == list(stream.ids[:31])
    assert first_tokens(stream, 1000) is stream

    records = [("ab", None), ("abc", None), ("a", None)]
    lines = encode_lines(records, CharacterVocabulary("abc"), [], "head lines")
    part = first_tokens(lines, 5)
    assert list(part.ids) == [1, 2, 3, 1] and list(part.starts) == [0]
