"""A small language model, and what a command prints."""

import pytest

from unroll.cli.main import run

TEXT = "the clouds are in the sky.\nthe apple and pear salad.\n" * 120


@pytest.fixture(scope="session")
def poems(tmp_path_factory):
    """A folder with `poems.txt` and its run, `runs/poems`; shared by all tests of commands."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "poems.txt").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        words = ["--steps", "60", "--hidden", "32", "--threads", "1", "--quiet"]
        assert run(["train", "poems.txt", "--out", "runs/poems", *words], False) == 0
    return folder


@pytest.fixture
def place(poems, monkeypatch):
    """The current folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(poems / "cache"))
    monkeypatch.chdir(poems)
    return poems


@pytest.fixture
def printed(capsys):
    """What a command prints, by its words."""

    def printed(*words, code=0):
        assert run([str(word) for word in words], False) == code
        return capsys.readouterr()

    return printed
