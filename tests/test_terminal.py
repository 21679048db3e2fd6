"""Text as a terminal can show it."""

import io
import json

import pytest

from unroll.terminal import fitting, json_line, printable, shortened, shown


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def test_control_characters_are_shown_as_escapes():
    assert printable("a\x1b]0;title\x07\x1b[31m\x9b1m\x7f") == (
        "a\\x1b]0;title\\x07\\x1b[31m\\x9b1m\\x7f"
    )
    assert printable("two\nlines\tand a tab, é 日本 🙂") == "two\nlines\tand a tab, é 日本 🙂"
    assert printable("\r\u202eabc\u2066\udcff") == "\\x0d\\u202eabc\\u2066\\udcff"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8", "utf-16"])
def test_every_text_fits_every_terminal(encoding):
    text = "é█日\x1b\udc80" + "".join(map(chr, range(256)))
    shown(text, stream(encoding)).encode(encoding)
    assert fitting("é日", stream("cp1252")) == "é?"
    assert fitting("é", io.StringIO()) == "é"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_loses_nothing(encoding):
    record = {"text": "é日🙂\x1b\x7f\x9b\u202e\n", "n": [1.5, None]}
    line = json_line(record, stream(encoding))
    line.encode(encoding)
    assert json.loads(line) == record
    assert line == printable(line) and "\n" not in line


def test_long_text_loses_its_middle():
    assert shortened("a" * 50 + "b" * 50, 21) == "a" * 9 + "..." + "b" * 9
    assert shortened("short", 5) == "short"
