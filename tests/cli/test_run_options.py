"""How commands open a run."""

import io

import pytest

from unroll.cli.run_options import (
    adjust,
    as_language_run,
    open_language_run,
    open_run,
    text_given,
)
from unroll.errors import UserError


def test_a_run_is_opened_and_what_is_none_is_refused(place, tmp_path):
    assert open_language_run("runs/poems", "cpu", False).task_name == "language"
    with pytest.raises(UserError, match="does not exist; expected a run folder"):
        open_run("gone", "cpu", False)
    with pytest.raises(UserError, match="is not a run folder"):
        open_run(str(tmp_path), "cpu", False)
    with pytest.raises(UserError, match=r"Device 'toaster' is not available\. Available: cpu"):
        open_run("runs/poems", "toaster", False)


def test_a_run_of_another_task_has_no_scores(place):
    run = open_run("runs/poems", "cpu", False)
    assert as_language_run(run, "runs/poems") is run

    class OtherRun:
        task_name = "tag"

    with pytest.raises(UserError, match="is a run of the task tag, which cannot score"):
        as_language_run(OtherRun(), "other")


def test_only_settings_of_use_are_adjusted(place):
    run = open_run("runs/poems", "cpu", False)
    adjust(run, False, None)
    with pytest.raises(UserError, match=r"--set got hidden=\.\.\., which cannot be changed"):
        adjust(run, False, ["hidden=3"])


def stdin(monkeypatch, content):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_dash_reads_standard_input(place, printed, monkeypatch):
    stdin(monkeypatch, b"the cl\r\n")
    assert text_given("-") == "the cl" and text_given("the cl") == "the cl"
    for words in (
        ["score", "runs/poems", "TEXT", "--json"],
        ["next", "runs/poems", "TEXT", "--json"],
        ["generate", "runs/poems", "--seed", "1", "--length", "9", "--prompt", "TEXT"],
    ):
        stdin(monkeypatch, b"the cl\n")
        piped = printed(*[word.replace("TEXT", "-") for word in words]).out
        assert piped == printed(*[word.replace("TEXT", "the cl") for word in words]).out
    stdin(monkeypatch, b"the sky\nthe pear\n")
    assert len(printed("score", "runs/poems", "--file", "-").out.splitlines()) == 2
    stdin(monkeypatch, b"\xff\xfe")
    assert "not UTF-8" in printed("score", "runs/poems", "-", code=2).err
