"""The reader takes every text that people have, and says in a sentence what it cannot take."""

import codecs
import gzip
import io
import json
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.data.text import PIECE, lines, text_pieces, text_source
from unroll.errors import UserError


@pytest.fixture
def write(tmp_path):
    def write(content: bytes, name: str = "a.txt") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


def read(path, field="text"):
    """Each document as one string."""
    return ["".join(document) for document in text_source(path, field).documents()]


def refusal(path, field="text"):
    with pytest.raises(UserError) as error:
        text_source(path, field).scan()
    return str(error.value)


def test_line_ends_become_newlines(write):
    assert read(write(b"a\r\nb\rc\nd\r")) == ["a\nb\nc\nd\n"]


def test_crlf_across_the_block_border_is_one_line_end(write):
    assert read(write(b"a" * (PIECE - 1) + b"\r\nb")) == ["a" * (PIECE - 1) + "\nb"]


def test_byte_order_mark_is_dropped(write):
    assert read(write(codecs.BOM_UTF8 + "é".encode())) == ["é"]
    assert "is empty" in refusal(write(codecs.BOM_UTF8))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_other_unicode_encodings_are_refused_by_name(write, encoding):
    said = refusal(write("hello".encode(encoding)))
    assert f"{encoding.upper()}, not UTF-8" in said and f"iconv -f {encoding.upper()}" in said


@pytest.mark.parametrize(
    "before",
    [b"", b"caf", codecs.BOM_UTF8, b"x" * (PIECE + 17), codecs.BOM_UTF8 + b"x y\n" * PIECE],
    ids=["first byte", "near", "mark", "second block", "fifth block with mark"],
)
def test_bytes_that_are_not_utf8_are_named_with_their_position(write, before):
    assert f"byte 0xE9 at position {len(before)} " in refusal(write(before + b"\xe9 la carte"))


def test_position_is_right_where_a_character_is_cut_off_by_the_block_border(write):
    # a two-byte start in one block, no continuation in the next
    assert f"byte 0xC3 at position {PIECE - 1} " in refusal(write(b"x" * (PIECE - 1) + b"\xc3A"))
    # and by the end of the file
    assert f"byte 0xC3 at position {PIECE - 1} " in refusal(write(b"x" * (PIECE - 1) + b"\xc3"))


@pytest.mark.parametrize("before", range(1, 4))
def test_characters_across_the_block_border_are_whole(write, before):
    text = "x" * (PIECE - before) + "😀é"
    assert read(write(text.encode())) == [text]


def test_nul_means_binary(write):
    assert f"binary data, not text: byte {PIECE + 3} is NUL" in refusal(
        write(b"a" * (PIECE + 3) + b"\0")
    )


def test_empty_missing_and_odd_files_are_refused(write, tmp_path):
    assert "is empty" in refusal(write(b""))
    assert "no file or folder" in refusal(tmp_path / "none.txt")
    assert "not a regular file" in refusal("/dev/null")


def test_folder_is_read_in_order_of_name(write, tmp_path):
    for name in ("b.txt", "a.md", "c/d.text", "e.bin", "z.txt.gz"):
        write(gzip.compress(b"z") if name.endswith("gz") else name.encode(), f"texts/{name}")
    assert read(tmp_path / "texts") == ["a.md", "b.txt", "c/d.text", "z"]
    assert text_source(tmp_path / "texts").scan().documents == 4


def test_folder_without_text_is_refused_and_a_bad_file_in_it_named(write, tmp_path):
    write(b"x", "none/a.bin")
    assert "holds no text" in refusal(tmp_path / "none")
    write(b"x", "some/a.txt")
    assert "bad.txt is not UTF-8" in refusal(write(b"\xff", "some/bad.txt").parent)


def test_gz_is_unpacked(write):
    text = "line\n" * PIECE
    assert read(write(gzip.compress(text.encode(), 1), "a.txt.gz")) == [text]


def test_gz_that_is_truncated_is_refused_and_one_that_is_none_is_read_as_it_is(write):
    whole = gzip.compress(b"some text here " * 1000)
    for content in (whole[:-20], whole[:-4] + b"abcd"):
        assert "not a complete gzip file" in refusal(write(content, "a.gz"))
    assert read(write(b"plain text", "a.gz")) == ["plain text"]
    assert read(write(gzip.compress(b"packed"), "a.txt")) == ["packed"]


def test_jsonl_gives_the_field_of_each_record(write):
    rows = [{"text": "ä\n", "body": "B"}, {"text": "", "body": "C"}]
    path = write("\r\n".join(map(json.dumps, rows)).encode() + b"\n\n", "a.jsonl")
    assert read(path) == ["ä\n", ""]
    assert read(path, "body") == ["B", "C"]
    assert read(write(gzip.compress(path.read_bytes()), "b.jsonl.gz"), "body") == ["B", "C"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"other": "x"}', "line 2: no text in a field 'text'; the record holds other"),
        ('{"text": 5}', "line 2: no text in a field 'text'"),
        ("[1]", "line 2: no text in a field 'text'; the record holds list"),
        ('{"text": ', "line 2: not JSON"),
        ('{"text": "a", "n": %s}' % ("9" * 5000), "line 2: not JSON"),
        ("[" * 100_000, "line 2: not JSON"),
        (r'{"text": "ab\ud800"}', "line 2: the text has half of a surrogate pair at character 2"),
    ],
)
def test_jsonl_lines_that_cannot_be_read_are_named(write, line, said):
    assert said in refusal(write(b'{"text": "fine"}\n' + line.encode(), "a.jsonl"))


def test_standard_input_is_read_as_often_as_wanted(monkeypatch):
    stdin = SimpleNamespace(buffer=io.BytesIO("é\r\nb".encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    source = text_source("-")
    for _ in range(2):
        assert ["".join(d) for d in source.documents()] == ["é\nb"]
    assert source.scan().characters == 3
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"")))
    with pytest.raises(UserError, match="standard input is empty"):
        text_source("-").scan()


def test_one_long_line_is_read_in_pieces_that_together_are_the_line(write):
    for text in ("x" * 3_000_000, "word " * 600_000):
        found = list(text_pieces(write(text.encode()), "a"))
        assert "".join(found) == text
        assert max(map(len, found)) <= 2 * PIECE
        assert list(lines(write(text.encode()), "a")) == [text]


def test_scan_tells_documents_apart(write, tmp_path):
    write(b"ab", "one/a.txt")
    write(b"a", "two/a.txt")
    write(b"b", "two/b.txt")
    one, two = (text_source(tmp_path / name).scan() for name in ("one", "two"))
    assert (one.characters, two.characters) == (2, 2) and one.sha256 != two.sha256


@settings(deadline=None, max_examples=60)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60),
    st.integers(1, 9),
)
def test_pieces_joined_are_the_text_whatever_the_block_size(text, size):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("unroll.data.text.PIECE", size)
        path = Path(folder) / "a.txt"
        path.write_bytes(b"x" * 4 + text.encode())  # no byte order mark
        expected = "xxxx" + text.replace("\r\n", "\n").replace("\r", "\n")
        assert "".join(text_pieces(path, "a")) == expected
        assert "\n".join(lines(path, "a")) == expected.removesuffix("\n")


def test_time_grows_with_the_size_of_one_long_record(write):
    seconds = []
    for size in (8, 16):
        path = write(b'{"text": "' + b"word " * (size << 18) + b'"}\n', "a.jsonl")
        start = time.process_time()
        assert len(list(lines(path, "a"))) == 1
        seconds.append(time.process_time() - start)
    assert seconds[1] < 3 * seconds[0] + 0.1


def test_a_line_that_is_too_long_is_refused_with_its_number(write, monkeypatch):
    monkeypatch.setattr("unroll.data.text.LONGEST_LINE", 100)
    monkeypatch.setattr("unroll.data.text.PIECE", 50)
    path = write(b"short\n" + b"x" * 300 + b"\n", "a.txt")
    with pytest.raises(UserError, match=r"a, line 2: longer than"):
        list(lines(path, "a"))


def test_records_of_json_in_every_form(write):
    rows = [{"text": "one"}, {"text": "two"}]
    for content in (json.dumps(rows), json.dumps(rows, indent=1), "\n".join(map(json.dumps, rows))):
        assert read(write(content.encode(), "a.json")) == ["one", "two"]
    assert read(write(b'{"a": 1}', "a.json")) == ['{"a": 1}']  # no records: any text
    assert read(write(b'{"text": "x"}\n', "A.NDJSON")) == ["x"]
