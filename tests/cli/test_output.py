"""Files that commands write are complete, or not there."""

import pytest

from unroll.cli.output import check_new, write_file, write_lines
from unroll.errors import UserError


def test_a_file_is_not_replaced_unasked(tmp_path):
    path = tmp_path / "a.txt"
    check_new(path, overwrite=False)
    write_file(path, b"first")
    check_new(path, overwrite=True)
    with pytest.raises(UserError, match="exists already; nothing was overwritten"):
        check_new(path, overwrite=False)


def test_lines_are_counted_and_a_failure_leaves_no_half_file(tmp_path, capsys):
    path = tmp_path / "lines.txt"
    write_lines(path, ["a", "b"], "predictions")
    assert path.read_text() == "a\nb\n"
    assert f"2 predictions written to {path}" in capsys.readouterr().err

    def broken():
        yield "a"
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write_lines(tmp_path / "other.txt", broken(), "predictions")
    assert [file.name for file in tmp_path.iterdir()] == ["lines.txt"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone/a\.txt cannot be written"):
        write_file(tmp_path / "gone" / "a.txt", b"")
