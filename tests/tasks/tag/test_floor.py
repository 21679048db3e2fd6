"""The simple model of a run: saved, loaded, refused where its files are damaged."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from unroll.errors import UserError
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.floor import RECORD, WEIGHTS, TagFloor, find_rows
from unroll.tasks.tag.floor_fitting import fit_tag_floor
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.training.files import as_json

SENTENCES = [
    Sentence(("she", "runs"), ("PRON", "VERB")),
    Sentence(("he", "sleeps"), ("PRON", "VERB")),
]
LABELS = ["PRON", "VERB"]


def fitted():
    preprocessor = TagPreprocessor.learn(SENTENCES, LABELS)
    return fit_tag_floor(SENTENCES, SENTENCES, preprocessor)


def write(folder, files):
    import hashlib

    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (folder / "manifest.json").write_bytes(as_json(hashes))


def test_what_is_loaded_is_what_was_saved(tmp_path):
    floor = fitted()
    write(tmp_path / "run", floor.files())
    loaded = TagFloor.load(tmp_path / "run", LABELS, None)
    assert torch.equal(loaded.scores(SENTENCES), floor.scores(SENTENCES))
    np.testing.assert_array_equal(loaded.chain.pairs, floor.chain.pairs)
    assert loaded.record == floor.record
    by_hand = floor.weights.astype(np.float64)[floor.rows(SENTENCES)[0]].sum(0)
    np.testing.assert_allclose(loaded.scores(SENTENCES)[0], by_hand, atol=1e-5)
    assert loaded.scores([]).shape == (0, 2)
    write(tmp_path / "run", {})
    assert TagFloor.load(tmp_path / "run", LABELS, None) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: t.pop("pairs"), "expected a simple model"),
        (lambda t: t.update(keys=t["keys"][::-1].copy()), "expected features in order"),
        (lambda t: t.update(weights=t["weights"][:, :1].copy()), "expected weights of 2 tags"),
        (lambda t: t.update(end=t["end"][:1].copy()), "expected end of 2 tags"),
        (lambda t: t.update(begin=t["begin"] * np.float32("nan")), "not finite"),
    ],
)
def test_damaged_files_are_refused(tmp_path, change, expected):
    files = fitted().files()
    tensors = dict(load(files[WEIGHTS]))
    change(tensors)
    write(tmp_path / "run", files | {WEIGHTS: save(tensors)})
    with pytest.raises(UserError, match=expected):
        TagFloor.load(tmp_path / "run", LABELS, None)


def test_a_record_of_another_version_is_refused(tmp_path):
    files = fitted().files()
    record = json.loads(files[RECORD]) | {"features": 2}
    write(tmp_path / "run", files | {RECORD: as_json(record)})
    with pytest.raises(UserError, match="features"):
        TagFloor.load(tmp_path / "run", LABELS, None)


def test_features_that_are_not_there_are_the_last_row():
    keys = np.array([2, 5], dtype=np.uint64)
    assert find_rows(keys, np.array([[5, 9], [2, 1]], dtype=np.uint64)).tolist() == [[1, 2], [0, 2]]
    assert find_rows(keys[:0], np.array([3], dtype=np.uint64)).tolist() == [0]
