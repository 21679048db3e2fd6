"""Data that holds escape sequences, and terminals that are not UTF-8, through whole commands."""

import json
import os
import subprocess
import sys

import pytest

ESCAPE = "\x1b]0;pwned\x07\x1b[31m"
WORDS = ["--steps", "3", "--hidden", "8", "--threads", "1"]


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    """A table whose labels and texts hold escape sequences."""
    path = tmp_path_factory.mktemp("escapes") / "labels.csv"
    rows = [f"text {n} {ESCAPE},{ESCAPE if n % 2 else 'plain'}" for n in range(60)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return path


def test_escapes_in_data_are_shown_as_escapes(labels, printed, tmp_path):
    def safe(*words, code=0):
        said = printed(*words, code=code)
        both = said.out + said.err
        assert "\x1b" not in both and "\x07" not in both, words
        return said

    run = tmp_path / f"run{ESCAPE.replace('/', '')}"
    assert "\\x1b[31m" in safe("data", "check", labels).out
    assert "\\x1b[31m" in safe("train", labels, "--out", run, *WORDS).err
    assert "\\x1b[31m" in safe("predict", run, labels).out
    found = json.loads(safe("predict", run, "--input", f"a {ESCAPE}", "--json").out)
    assert ESCAPE in str(found.values()) or any(ESCAPE in str(value) for value in found.values())
    safe("eval", run, labels)
    assert "\\x1b[31m" in safe("train", f"gone{ESCAPE}.csv", code=2).err
    safe(f"dance{ESCAPE}", code=2)
    out = tmp_path / "predictions.jsonl"
    safe("predict", run, labels, "--out", out)
    assert ESCAPE in json.loads(out.read_text().splitlines()[1])["text"]


def test_a_run_over_escapes_generates_and_scores_them_as_escapes(printed, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("red \x1b[31m and \x1b[0m plain.\n" * 60)
    printed("train", text, "--out", tmp_path / "run", *WORDS, "--task", "language")
    for words in (
        ["generate", tmp_path / "run", "--prompt", "red \x1b[31m", "--length", "200"],
        ["score", tmp_path / "run", "red \x1b[31m"],
        ["score", tmp_path / "run", "--file", text],
        ["next", tmp_path / "run", "red \x1b"],
    ):
        said = printed(*words)
        assert "\x1b" not in said.out + said.err, words


def test_every_terminal_can_show_every_text(tmp_path):
    (tmp_path / "chat.txt").write_text(
        "日本語と絵文字 🙂 und Übermut ‘quoted’.\n" * 60, encoding="utf-8"
    )
    environment = os.environ | {
        "PYTHONIOENCODING": "cp1252",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }

    def run(*words):
        command = [sys.executable, "-m", "unroll", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
        return done.stdout.decode("cp1252")

    run("train", "chat.txt", "--out", "run", *WORDS)
    assert run("generate", "run", "--prompt", "日本", "--length", "40").startswith("??")
    scored = json.loads(run("score", "run", "日本語", "--json"))
    assert scored["text"] == "日本語"


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 elsewhere")
def test_names_that_are_not_utf8_are_read_and_recorded(printed, tmp_path):
    text = tmp_path / os.fsdecode(b"\xff.txt")
    text.write_text("some text to learn from.\n" * 60)
    run = tmp_path / os.fsdecode(b"run\xff")
    assert "\\udcff.txt" in printed("train", text, "--out", run, *WORDS).err
    printed("generate", run, "--length", "5")
    printed("train", text, "--out", run, "--resume", "--steps", "4", "--threads", "1")
    assert "\\udcff" in printed("train", text, "--out", run, code=2).err
