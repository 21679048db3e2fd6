"""The n-gram models of a run come back from their file, and know the tunes of the training set."""

import numpy as np
import pytest

from unroll.tasks.music import baseline as module
from unroll.tasks.music.baseline import content_hashes, fit_tune_baseline, load_tune_baseline
from unroll.training.files import write_folder


def test_it_comes_back_from_its_file(tmp_path, data):
    train, valid = [t.text for t in data.train], [t.text for t in data.valid]
    write_folder(tmp_path / "run", fit_tune_baseline(train, valid, data.preprocessor))
    found = load_tune_baseline(tmp_path / "run", data.preprocessor)
    assert "".join(found.characters) == "".join(sorted(set("".join(train))))
    assert set(found.train.tolist()) == set(content_hashes(train).tolist())
    assert 1 <= found.ngrams.order <= module.MOST_ORDER
    nats = [found.nats(valid, data.preprocessor, k) for k in range(1, found.ngrams.order + 1)]
    assert nats[-1] == pytest.approx(min(nats))


def test_symbols_of_abc_are_characters_and_of_midi_token_ids(abc, midi):
    ids = module.symbol_ids(["ab", "c"], abc, ["a", "b"])
    assert ids.tolist() == [0, 2, 3, 0, 1, 0]  # c has no symbol
    words = "1/480\nn60 "
    assert module.symbol_ids([words], midi, []).tolist() == [0, *midi.encode(words).tolist(), 0]
    assert module.symbol_count(abc, ["a", "b"]) == 4 and module.symbol_count(midi, []) == len(midi)


def test_hashes_are_of_the_text():
    assert np.array_equal(content_hashes(["a", "b"])[:1], content_hashes(["a"]))
    assert len(set(content_hashes(["a", "b", "a"]).tolist())) == 2
