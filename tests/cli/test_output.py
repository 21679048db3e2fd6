"""What is printed steers no terminal and fits it; files that commands write are complete, or not there."""

import io
import json
import logging
import sys
from pathlib import Path

import pytest

from unroll.cli import output
from unroll.cli.output import (
    TerminalHandler,
    check_new,
    make_streams_forgiving,
    say,
    say_json,
    write_file,
    write_lines,
)
from unroll.errors import UserError
from unroll.training.report import PlainReport, reported


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


def test_nothing_but_the_output_layer_prints():
    folder = Path(output.__file__).parent
    for path in folder.glob("*.py"):
        text = path.read_text()
        if path.name != "output.py":
            assert "echo(" not in text and ".write(" not in text and "print_exc" not in text, path


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_what_is_printed_fits_the_terminal_and_steers_none(monkeypatch, encoding):
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    say("label \x1b[31m é日\udcff", end="")
    say("é\x07", err=True)
    say_json({"text": "é日\x1b\x9b"}, allow_nan=False)
    printed = out.buffer.getvalue().decode(encoding)
    assert printed.startswith("label \\x1b[31m ")
    assert json.loads(printed[printed.index("{") :]) == {"text": "é日\x1b\x9b"}
    assert err.buffer.getvalue().decode(encoding).endswith("\\x07\n")


def test_a_program_without_a_terminal_prints_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    say("out")
    say("err", err=True)
    say_json({})
    make_streams_forgiving()


def test_a_log_is_printed_unless_a_report_shows_it(capsys):
    handler = TerminalHandler()
    record = logging.LogRecord("unroll", logging.WARNING, "", 1, "said \x1b", (), None)
    handler.emit(record)
    with reported(PlainReport("tokens", io.StringIO())):
        handler.emit(record)
    assert capsys.readouterr().err == "unroll: said \\x1b\n"


def test_a_device_is_written_and_not_replaced(tmp_path):
    write_file(Path("/dev/null"), b"a")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(UserError, match=r"/dev/full cannot be written: No space .* Make room"):
        write_file(Path("/dev/full"), b"a")
    assert Path("/dev/full").is_char_device()
