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

    monkeypatch.setattr(sys.modules["unroll.cli.main"], "make_app", app)
    return run(["anything"], False)


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (KeyboardInterrupt(), 130, "unroll: Interrupted.\n"),
        (MemoryError(), 2, "not enough memory for this model. Lower --hidden"),
        (RuntimeError("out of memory"), 2, "(out of memory)"),
        (RuntimeError("broken"), 1, "a fault of unroll, not of the input: RuntimeError: broken"),
        (OSError(28, "No space left on device", "a.txt"), 1, "a.txt: No space left on device."),
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
