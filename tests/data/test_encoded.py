"""Texts as ids on disk: cut without loss, written once, never mistaken for another."""

import errno
import io
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.data.characters import CharacterVocabulary
from unroll.data.encoded import cache_folder, encode_lines, encode_stream, text_part
from unroll.data.vocabulary import BOUNDARY
from unroll.data.words import WordVocabulary
from unroll.growing_file import write_all


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
    assert json.loads((folder / "meta.json").read_bytes().partition(b"\n")[0])["dtype"] == dtype


def test_ids_are_mapped_and_cannot_be_changed():
    encoded = stream()
    assert isinstance(encoded.ids, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        encoded.ids[0] = 5


def zeros(folder):
    (folder / "ids.bin").write_bytes(bytes((folder / "ids.bin").stat().st_size))


def flipped(folder):
    content = bytearray((folder / "ids.bin").read_bytes())
    content[3] ^= 0x20
    (folder / "ids.bin").write_bytes(content)


def starts_of_others(folder):
    (folder / "starts.bin").write_bytes(bytes(8))


def other_type(folder):
    path = folder / "meta.json"
    path.write_bytes(path.read_bytes().replace(b"uint16", b"uint32"))


def deep(folder):
    (folder / "meta.json").write_bytes(b"[" * 100_000)


def not_sealed(folder):
    (folder / "meta.json").write_bytes((folder / "meta.json").read_bytes().partition(b"\n")[0])


def of_another_text(folder):
    other = folder.with_name("other")
    folder.rename(other)
    stream([(0, "cbbc")], key="other")
    (made,) = (each for each in folder.parent.iterdir() if each != other)
    made.rename(folder)


def linked(folder):
    (folder / "ids.bin").rename(folder / "real")
    (folder / "ids.bin").symlink_to("real")


def pipe(folder):
    (folder / "ids.bin").unlink()
    os.mkfifo(folder / "ids.bin")


HARM = [
    zeros,
    flipped,
    starts_of_others,
    other_type,
    deep,
    not_sealed,
    of_another_text,
    linked,
    pipe,
]


@pytest.mark.parametrize("harm", HARM, ids=lambda harm: harm.__name__)
def test_what_is_not_what_was_written_is_written_again(harm, caplog):
    whole = stream().ids.tolist()
    (folder,) = cache_folder().iterdir()
    harm(folder)
    assert stream().ids.tolist() == whole
    assert f"{folder}" in caplog.text and "written again" in caplog.text
    caplog.clear()
    assert encode_stream(never(), CharacterVocabulary("abc"), "key").ids.tolist() == whole
    assert not caplog.text


@pytest.fixture
def told(monkeypatch):
    """What was said once is said again."""
    monkeypatch.setattr("unroll.data.encoded._told", set())


def read_only(path, monkeypatch):
    path.mkdir()

    def refuse(*args, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("unroll.private_cache.Path.mkdir", refuse)


def a_file(path, monkeypatch):
    path.write_text("")


def of_others(path, monkeypatch):
    (path / "unroll" / "tokens").mkdir(parents=True)
    (path / "unroll").chmod(0o777)


def no_home(path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(path / "none"))


@pytest.mark.parametrize("trouble", [read_only, a_file, of_others, no_home])
def test_without_a_cache_a_text_is_encoded_elsewhere_and_that_is_said_once(
    cache, told, caplog, monkeypatch, trouble
):
    trouble(cache, monkeypatch)
    for _ in range(2):
        assert stream([(0, "ab"), (1, "c")]).ids.tolist() == [1, 2, 3, 1, 4]
        lines = encode_lines([("ab", "x")], CharacterVocabulary("abc"), ["x"], "key")
        assert lines.ids.tolist() == [1, 2, 3, 1] and lines.starts.tolist() == [0]
    assert caplog.text.count("The cache of encoded texts cannot be used: ") == 1
    assert "XDG_CACHE_HOME" in caplog.text and not list(cache.rglob("*.bin"))


@pytest.mark.parametrize("also", [False, True], ids=["disk", "temporary files too"])
def test_a_disk_that_is_full_in_the_middle_loses_nothing(told, caplog, monkeypatch, also):
    room = {"disk": 3_000_000}

    def limited(file, data):
        if not isinstance(file, io.BytesIO):
            room["disk"] -= len(data)
            if room["disk"] < 0:
                room["disk"] = -1 if also else 1 << 40
                file.write(data[: len(data) // 2])
                raise OSError(errno.ENOSPC, "No space left on device")
        write_all(file, data)

    monkeypatch.setattr("unroll.growing_file.write_all", limited)
    texts = [(n, "abcabc?"[n % 5 :] * 5000) for n in range(120)]
    encoded = stream(iter(texts))
    vocabulary = CharacterVocabulary("abc")
    whole = np.concatenate([[BOUNDARY, *vocabulary.encode(text)] for _, text in texts])
    assert np.array_equal(encoded.ids, whole)
    assert "No space left on device" in caplog.text and list(cache_folder().iterdir()) == []


def test_what_killed_processes_left_is_dropped_after_a_day():
    stream()
    for name, age in ((".tokens-old", 90_000), (".tokens-new", 60)):
        (cache_folder() / name).mkdir()
        (cache_folder() / name / "ids.bin").touch()
        for path in (cache_folder() / name / "ids.bin", cache_folder() / name):
            os.utime(path, (time.time() - age,) * 2)
    stream(key="another")
    assert {path.name for path in cache_folder().glob(".*")} == {".tokens-new"}


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
