"""The vocabulary of many short texts."""

from types import SimpleNamespace

import pytest

from unroll.data.line_vocabularies import (
    bpe_size,
    learn_line_vocabulary,
    load_line_vocabulary,
    vocabulary_files,
)
from unroll.errors import UserError
from unroll.training.files import write_folder

TEXTS = ["A red dog runs!", "a red cat", "a dog"] * 2


def learn(level, **settings):
    values = {"vocabulary_size": None, "min_count": None, "lower": False, "split": "auto"}
    return learn_line_vocabulary(lambda: TEXTS, SimpleNamespace(level=level, **values | settings))


@pytest.mark.parametrize("level", ["word", "char", "bpe"])
def test_it_is_loaded_from_its_files(tmp_path, level):
    vocabulary = learn(level)
    files = vocabulary_files(vocabulary, "side")
    assert all(name.startswith("side.") for name in files)
    write_folder(tmp_path / "run", files)
    loaded = load_line_vocabulary(tmp_path / "run", "side")
    assert all(loaded.encode(t).tolist() == vocabulary.encode(t).tolist() for t in TEXTS)
    with pytest.raises(UserError, match=r"holds no other\.vocabulary\.json"):
        load_line_vocabulary(tmp_path / "run", "other")


def test_what_a_token_is_can_be_set():
    assert learn("word").unknown("a Red dog") == ["Red"]
    assert learn("word", lower=True).unknown("a Red dog") == []
    assert learn("word", min_count=3).unknown("runs") == ["runs"]
    assert len(learn("char", vocabulary_size=4)) == 6  # with <unk> and the boundary


def test_more_texts_get_more_pieces():
    assert [bpe_size(n) for n in (100, 200_000, 1_000_000)] == [2000, 4000, 8000]
