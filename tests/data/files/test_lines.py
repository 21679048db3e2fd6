"""Lines keep their numbers, whatever ends them; long and bad ones are told and can be passed over."""

import pytest

from unroll.data.files import lines
from unroll.data.files.lines import numbered_lines
from unroll.data.problems import Problems
from unroll.errors import UserError


def read(path, problems=None, **options):
    return list(numbered_lines(path, "a.csv", problems or Problems(), **options))


def test_line_ends_of_three_systems(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfone\ntwo\r\nthree\rfour\n\nsix\r\r\n")
    assert read(tmp_path / "a") == [*enumerate(["one", "two", "three", "four", "", "six"], 1)]


def test_bad_lines_are_told_with_their_number(tmp_path):
    (tmp_path / "a").write_bytes(b"one\ncaf\xe9\nt\0\nfour\x93\n")
    problems = Problems(skip=True)
    assert read(tmp_path / "a", problems) == [(1, "one")]
    assert [line.split(":")[0].strip() for line in problems.messages()[1:]] == [
        "a.csv, line 2",
        "a.csv, line 3",
        "a.csv, line 4",
    ]
    assert "WINDOWS-1252" in problems.messages()[1]  # one file, one encoding
    assert [n for n, _ in read(tmp_path / "a", Problems(skip=True), replace=True)] == [1, 2, 4]


def test_a_line_that_is_too_long_is_a_bad_record_and_is_never_held_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 100)
    (tmp_path / "a").write_bytes(b"one\n" + b"x" * 950 + b"\nthree\n" + b"y" * 99 + b"\n")
    problems = Problems(skip=True)
    assert read(tmp_path / "a", problems) == [(1, "one"), (3, "three"), (4, "y" * 99)]
    assert problems.count == 1 and "line 2: longer than" in problems.messages()[1]
    assert read(tmp_path / "a", Problems(skip=True, glance=True)) == [(1, "one")]
    with pytest.raises(UserError, match="line 2: longer than"):
        read(tmp_path / "a")
    # the lines of old Macs are short, though the file has no other line end
    (tmp_path / "a").write_bytes(b"\r".join([b"abc"] * 400))
    assert read(tmp_path / "a") == [(k, "abc") for k in range(1, 401)]
