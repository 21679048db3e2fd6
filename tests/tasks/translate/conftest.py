"""A small translator that the tests of this folder share, and where it was trained."""

import random

import pytest

import unroll
from unroll.tasks.translate.pairs import Pair

WORDS = {"red": "rouge", "dog": "chien", "cat": "chat", "big": "grand", "eats": "mange"}


def invented_pairs(count, seed=1):
    """Invented sentences whose translation is reversed, with one more word."""
    draw = random.Random(seed)
    for _ in range(count):
        words = [draw.choice(list(WORDS)) for _ in range(draw.randint(1, 5))]
        yield Pair(" ".join(words), " ".join(["le", *[WORDS[w] for w in reversed(words)]]))


@pytest.fixture(scope="session")
def pairs_of():
    return invented_pairs


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run that translates the invented pairs; its folder also holds pairs.tsv."""
    folder = tmp_path_factory.mktemp("translate")
    (folder / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in invented_pairs(300)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return unroll.train(
            "pairs.tsv", folder / "run", level="word", steps=150, threads=1, quiet=True,
            learning_rate=1e-2, hidden=48, embedding=24, batch_size=32, cell="gru", dropout=0.0,
        )  # fmt: skip


@pytest.fixture
def place(trained, monkeypatch):
    """The folder of the run, made the current one."""
    monkeypatch.chdir(trained.path.parent)
    return trained.path.parent


@pytest.fixture
def run(place, trained):
    return trained
