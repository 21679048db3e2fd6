"""Exit codes, and how errors are reported."""

import sys

import pytest

from unroll import __version__
from unroll.cli.main import run


def failing(monkeypatch, error):
    def app():
        def call(**_):
            raise error

        return call

    monkeypatch.setattr(sys.modules["unroll.cli.main"], "make_command", app)
    return run(["anything"], False)


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (KeyboardInterrupt(), 130, "unroll: Interrupted.\n"),
        (MemoryError(), 2, "not enough memory for this model. Lower --hidden"),
        (RuntimeError("out of memory"), 2, "(out of memory)"),
        (RuntimeError("broken"), 1, "a fault of unroll, not of the input: RuntimeError: broken"),
        (OSError(28, "No space left on device", "a.txt"), 1, "a.txt cannot be written: No space"),
        (OSError(28, "No space left on device"), 1, "The output cannot be written: No space"),
        (OSError(36, "File name too long", "a" * 999), 2, "File name too long. Check the path."),
        (NotADirectoryError(20, "Not a directory", "a/b"), 2, "a/b: Not a directory. Check"),
        (type("PanicException", (BaseException,), {})("gave up"), 1, "PanicException: gave up"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_error_is_a_sentence_with_its_code(monkeypatch, capsys, error, code, sentence):
    assert failing(monkeypatch, error) == code
    printed = capsys.readouterr().err
    assert sentence in printed and "Traceback" not in printed


def test_version_and_help(capsys):
    assert run(["--version"], False) == 0
    assert capsys.readouterr().out == f"unroll {__version__}\n"
    assert run([], False) == 0
    shown = capsys.readouterr().out
    for command in ("train", "eval", "predict", "generate", "explain", "inspect", "doctor"):
        assert command in shown


def test_wrong_words_name_the_help_that_lists_the_right_ones(capsys):
    assert run(["train", "--bogus"], False) == 2
    assert "See: unroll train --help" in capsys.readouterr().err
    assert run(["train", "--horizon"], False) == 2
    assert "See: unroll train --help" in capsys.readouterr().err


def test_help_shows_no_type_beside_what_takes_no_value(capsys):
    for words in ([], ["train"], ["predict"], ["inspect", "gates"], ["data", "check"]):
        assert run([*words, "--help"], False) == 0
        assert "<bool>" not in capsys.readouterr().out


def test_set_help_lists_the_settings(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    text = tmp_path / "text.txt"
    text.write_text("some text\n" * 50)
    assert run(["train", str(text), "--set", "help"], False) == 0
    shown = capsys.readouterr().out
    assert "--set batch_size=N" in shown and "--hidden N" in shown and "--level" in shown
    assert run(["data", "check", "classify", str(text), "--set", "help"], False) == 0
    assert "--label" in capsys.readouterr().out
