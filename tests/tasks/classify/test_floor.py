"""The simple model is in every run: a run of one step is as good as it, and loads and resumes."""

import json

import numpy as np
import pytest

import unroll
from unroll.errors import UserError
from unroll.models.text_features import CHARACTERS, FEWER_CHARACTERS
from unroll.tasks.classify.floor import (
    FILE,
    ClassifyFloor,
    FloorInputs,
    FloorOptions,
    fit_classify_floor,
    refit_classify_floor,
)
from unroll.tasks.classify.task import ClassifyTask
from unroll.training.checkpoint import pack_arrays, read_arrays
from unroll.training.folder import RunFolder

SMALL = {"hidden": 8, "embedding": 8, "threads": 1, "quiet": True, "steps": 1}
TASK = ClassifyTask()


@pytest.fixture
def reviews(tmp_path, write_reviews, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_reviews(tmp_path / "train.csv", 120)


def test_a_run_of_one_step_is_the_simple_model(reviews, write_reviews, tmp_path):
    run = unroll.train(reviews, "run", **SMALL)
    metrics = run.result()
    assert metrics["accuracy"] >= metrics["baselines"]["linear model"]["accuracy"] > 0.9
    assert set(metrics["baselines"]) == {"most frequent class", "linear model", "network alone"}
    test = write_reviews(tmp_path / "test.csv", 60, seed=1)
    found = unroll.load("run").evaluate(test)
    predicted = [each["label"] for each in run.predict_file(test)]
    true = [
        line.split(",")[1].strip() for line in (tmp_path / "test.csv").read_text().split("\n")[1:-1]
    ]
    right = np.mean([a == b for a, b in zip(predicted, true, strict=True)])
    assert right == found["accuracy"] > 0.9  # eval is what predict does
    assert found["baselines"]["linear model"]["accuracy"] > 0.9
    floor = ClassifyFloor.load(run.path, 2, None, False)
    assert floor.records == 120  # learned from the validation set in the end
    summary = " ".join(TASK.summarise(metrics, "x"))
    assert "The network with the linear model: " in summary and "the network alone: " in summary


def test_a_resumed_run_is_calibrated_without_what_the_refitted_model_has_seen(reviews):
    unroll.train(reviews, "run", **SMALL)
    run = unroll.train(reviews, "run", resume=True, **{**SMALL, "steps": 3})
    whole = unroll.train(reviews, "whole", **{**SMALL, "steps": 3})
    assert json.dumps(run.result()["baselines"]["linear model"]) == json.dumps(
        whole.result()["baselines"]["linear model"]
    )


def test_no_floor_is_the_bare_network(reviews):
    run = unroll.train(reviews, "run", floor="none", **SMALL)
    assert not (run.path / FILE).exists() and run.model.shares is None
    assert set(run.result()["baselines"]) == {"most frequent class", "naive Bayes"}
    assert run.result()["shares"] == {}
    unrefitted = unroll.train(reviews, "other", refit=False, **SMALL)
    assert ClassifyFloor.load(unrefitted.path, 2, None, False).records == 108


def test_attributions_are_those_of_both(reviews):
    run = unroll.train(reviews, "run", **SMALL)
    assert "words" not in run.predict("the film was lovely")
    run.adjust(attributions=True)
    prediction = run.predict("the film was lovely")
    assert prediction["label"] == "fine" and prediction["words"][0][0] == "lovely"


def test_a_damaged_file_is_named(reviews):
    run = unroll.train(reviews, "run", **SMALL)
    content = (run.path / FILE).read_bytes()
    floor = ClassifyFloor.load(run.path, 2, None, False)
    assert floor.to_bytes() == content
    with pytest.raises(UserError, match="damaged: expected weights of the shape"):
        ClassifyFloor.load(run.path, 3, None, False)
    (run.path / FILE).write_bytes(content[:-1])
    with pytest.raises(UserError, match=FILE):
        unroll.load("run")


@pytest.mark.parametrize("name", ["shares", "facts"])
def test_numbers_of_a_damaged_file_are_finite(reviews, tmp_path, name):
    arrays = read_arrays(unroll.train(reviews, "run", **SMALL).path, FILE)
    files = {FILE: pack_arrays({**arrays, name: np.full_like(arrays[name], np.inf)})}
    damaged = RunFolder.create(tmp_path / "damaged", files, overwrite=False)
    with pytest.raises(UserError, match="damaged: expected shares of at least 0"):
        ClassifyFloor.load(damaged.path, 2, None, False)


def test_sequences_of_numbers(tmp_path):
    draw = np.random.default_rng(0)
    lengths = draw.integers(20, 40, size=60)
    y = np.arange(60) % 2
    waves = [
        np.sin(np.arange(n) * (1.0, 0.4)[k] + draw.uniform(0, 6))
        for n, k in zip(lengths, y, strict=True)
    ]
    items = np.concatenate(waves)[:, None].astype(np.float32)
    inputs = FloorInputs((), items, lengths, y)
    rows = np.arange(60)
    floor = fit_classify_floor(
        inputs.take(rows[:40]), inputs.take(rows[40:]), FloorOptions(2, seconds=5.0)
    )
    p = floor.probabilities(inputs.take(rows[40:]))
    assert (p.argmax(1) == y[40:]).mean() > 0.9 and floor.title == "random convolutions"
    x = [[[float(v)] for v in wave] for wave in waves]
    run = unroll.train(x, tmp_path / "run", labels=list(map(str, y)), **SMALL)
    assert run.result()["baselines"]["random convolutions"]["accuracy"] > 0.9
    assert unroll.load(run.path).predict(np.array(x[0]))["label"] == str(y[0])


def test_several_labels(tmp_path):
    rows = ["text,label"]
    for k in range(90):
        labels = [name for name, is_set in (("a", k % 2), ("b", k % 3 == 0)) if is_set]
        rows.append(
            " ".join(["x", *(f"word{name}" for name in labels), "y"]) + "," + "|".join(labels)
        )
    (tmp_path / "several.csv").write_text("\n".join(rows))
    run = unroll.train(str(tmp_path / "several.csv"), tmp_path / "run", separator="|", **SMALL)
    assert run.result()["baselines"]["linear model"]["accuracy"] > 0.9
    assert run.result()["accuracy"] > 0.9


def test_a_second_fit_counts_the_same_ngrams(monkeypatch):
    texts, y = ["good film", "bad film", "good songs", "bad songs"] * 8, np.array([0, 1] * 16)
    inputs = FloorInputs(texts, np.zeros(0, np.int32), np.full(32, 2), y)
    options = FloorOptions(2, seconds=60.0)
    floor = fit_classify_floor(inputs, inputs, options)
    name = "unroll.tasks.classify.floor.affordable"
    monkeypatch.setattr(name, lambda *_, several: (FEWER_CHARACTERS, 0.5))
    again = refit_classify_floor(floor, inputs, options)
    assert again.model.features.characters == floor.model.features.characters == CHARACTERS
    assert again.records == 32 and fit_classify_floor(inputs, inputs, options).records == 16


def test_the_simple_model_chooses_where_held_out_records_say_nothing():
    draw = np.random.default_rng(0)
    y = np.arange(40) % 20
    items = draw.normal(size=(40 * 30, 1)).astype(np.float32)
    inputs = FloorInputs((), items, np.full(40, 30), y)
    wrong = FloorInputs((), items, np.full(40, 30), (y + 1) % 20)
    floor = fit_classify_floor(inputs, wrong, FloorOptions(20, seconds=1.0))
    assert floor.shares.all()
    assert (floor.logits(inputs).argmax(1) == y).mean() > 0.9
