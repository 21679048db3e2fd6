"""The simple model in a run folder: what is read back, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from unroll.saved_files import Damaged
from unroll.tasks.transcribe.floor import ClosedTextModel, chosen_statistics
from unroll.training.folder import RunFolder


def model():
    draw = np.random.default_rng(0)
    return ClosedTextModel(
        ("no", "yes"),
        draw.normal(size=5),
        np.ones(5),
        draw.normal(size=(3, 5)).astype(np.float32),
        draw.normal(size=(3, 2)),
        draw.normal(size=2),
        0.2,
        1.0,
        4.0,
    )


@pytest.fixture
def saved(tmp_path):
    """Calls: files -> what is read back of a folder that holds them."""

    def read(files):
        config = (
            b'{"format": 1, "unroll": "0", "torch": "2", "task": "t", "settings": {}, "data": {}}'
        )
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        RunFolder.create(folder, {"config.json": config, **files}, overwrite=False)
        return ClosedTextModel.load(folder)

    return read


def test_scores_by_hand():
    own, x = model(), np.random.default_rng(1).normal(size=5)
    kernel = [np.exp(-0.2 * ((x - own.mean - near) ** 2).sum()) for near in own.landmarks]
    expected = own.intercept + sum(k * c for k, c in zip(kernel, own.coefficients, strict=True))
    assert own.scores(x[None])[0] == pytest.approx(expected, abs=1e-6)


def test_a_model_of_means_reads_no_deviations_and_slopes(saved):
    draw = np.random.default_rng(2)
    x = draw.normal(size=(4, 8 * 3 * 2 + 1))
    means = x[:, [c for c in range(48) if c % 6 < 2] + [48]]
    assert (chosen_statistics(x, "means") == means).all() and chosen_statistics(x, "all") is x
    P = means.shape[1]
    near = draw.normal(size=(3, P)).astype(np.float32)
    whole = replace(model(), mean=np.zeros(P), deviation=np.ones(P), landmarks=near)
    own = saved(replace(whole, parts="means", copies=2).files())
    assert own.parts == "means" and own.copies == 2
    assert (own.scores(x) == whole.scores(means)).all()


def test_a_file_of_an_earlier_version_has_all_statistics(saved):
    record = json.loads(model().files()["floor.json"])
    del record["copies"], record["parts"]
    old = saved({**model().files(), "floor.json": json.dumps(record).encode()})
    assert old.parts == "all" and old.copies == 0


def test_what_is_saved_is_read_back(saved):
    own, x = model(), np.random.default_rng(1).normal(size=(4, 5))
    found = saved(own.files())
    assert (found.texts, found.gamma, found.penalty, found.sharpness) == (("no", "yes"), 0.2, 1, 4)
    assert (found.scores(x) == own.scores(x)).all()
    assert saved({}) is None


def test_damaged_files_end_in_a_sentence(saved):
    files = model().files()
    arrays = load(files["floor.safetensors"])
    record = json.loads(files["floor.json"])

    def refused(match, **changed):
        with pytest.raises(Damaged, match=match):
            saved({**files, **{f"floor.{name}": content for name, content in changed.items()}})

    refused("floor.json is damaged", json=json.dumps({**record, "gamma": -1}).encode())
    refused("each once", json=json.dumps({**record, "texts": ["no", "no"]}).encode())
    refused("for each of 3 texts", json=json.dumps({**record, "texts": ["no", "a", "b"]}).encode())
    refused("is damaged", safetensors=b"no tensors")
    refused("arrays of a simple model", safetensors=save({"mean": arrays["mean"]}))
    refused("of one size", safetensors=save({**arrays, "mean": np.zeros(4)}))
    refused("finite numbers", safetensors=save({**arrays, "deviation": np.zeros(5)}))
    refused("finite numbers", safetensors=save({**arrays, "mean": np.full(5, np.nan)}))
    refused("is damaged", safetensors=save({**arrays, "mean": np.zeros(5, dtype=np.int64)}))
    with pytest.raises(Damaged, match="missing"):
        saved({"floor.json": files["floor.json"]})


def test_a_model_without_its_arrays_is_no_model(saved):
    assert saved(replace(model(), texts=("a", "b")).files()).texts == ("a", "b")
