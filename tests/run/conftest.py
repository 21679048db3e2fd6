"""A small language model, trained once, and a copy of its run folder for each test."""

import shutil
from types import SimpleNamespace

import pytest

import unroll
from unroll.training.report import QuietReport

TEXT = "the clouds are in the sky.\nthe apple and pear salad.\n" * 40
SMALL = {
    "hidden": 8, "threads": 1, "backend": "loop", "block": 16, "batch_size": 4, "floor": "none"
}  # fmt: skip


class KeptReport(QuietReport):
    """Keeps the messages."""

    def __init__(self):
        self.messages = []

    def log(self, message):
        self.messages.append(message)

    @property
    def text(self):
        return "\n".join(self.messages)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        (folder / "poems.txt").write_text(TEXT)
        report = KeptReport()
        run = unroll.train("poems.txt", folder / "run", steps=4, report=report, **SMALL)
    return SimpleNamespace(folder=folder, run=run, report=report)


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    """The current folder, with `poems.txt` and a copy of the run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(trained.folder / "cache"))
    shutil.copytree(trained.folder / "run", tmp_path / "run")
    shutil.copy(trained.folder / "poems.txt", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def report():
    return KeptReport()


@pytest.fixture
def small():
    return dict(SMALL)
