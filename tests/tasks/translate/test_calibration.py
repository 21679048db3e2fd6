"""Weights of candidates, fitted on the validation set."""

import numpy as np
import pytest

import unroll
from unroll.tasks.translate.calibration import (
    cross_fitted,
    fit_weights,
    fixed_weights,
    softmax_of_parts,
    spread_order,
)
from unroll.tasks.translate.memory import Candidate
from unroll.tasks.translate.rescoring import FEATURES, RatedCandidate


def drawn(sources, seed=1):
    """Candidates whose quality is their third feature, but for noise."""
    draw = np.random.default_rng(seed)
    rated, qualities = [], []
    for _ in range(sources):
        features = draw.normal(size=(5, len(FEATURES)))
        rated.append(
            [RatedCandidate(Candidate(str(k), "neighbour"), features[k]) for k in range(5)]
        )
        qualities.append(0.2 * features[:, 2] + 0.01 * draw.normal(size=5))
    return rated, qualities


def test_the_feature_that_tells_quality_gets_the_weight():
    rated, qualities = drawn(100)
    weights = fit_weights(rated, qualities)
    assert np.abs(weights).argmax() == 2 and weights[2] > 1
    chosen = cross_fitted(rated, qualities)
    right = [int(text) == q.argmax() for text, q in zip(chosen, qualities, strict=True)]
    assert np.mean(right) > 0.9


def test_the_fitted_weights_are_where_the_gradient_is_zero():
    rated, qualities = drawn(30)
    weights = fit_weights(rated, qualities)
    features = np.array([each.features for own in rated for each in own])
    scale = features.std(0)

    def loss(w):
        total = 0.0
        for own, quality in zip(rated, qualities, strict=True):
            z = np.array([each.features @ w for each in own])
            wanted = np.exp(10 * quality) / np.exp(10 * quality).sum()
            total -= wanted @ (z - np.log(np.exp(z).sum()))
        return total / len(rated) + 0.01 * ((w * scale) ** 2).sum()

    for step in np.eye(len(FEATURES)) * 0.01:
        assert loss(weights) <= loss(weights + step) and loss(weights) <= loss(weights - step)


def test_parts_have_their_own_softmax():
    z = np.array([0.0, 0.0, 5.0, 1000.0])
    found = softmax_of_parts(z, np.array([0, 2, 3]), np.array([2, 1, 1]))
    np.testing.assert_allclose(found, [0.5, 0.5, 1, 1])


def test_rows_in_an_order_whose_beginning_is_spread():
    rows = spread_order(1000, 100)
    assert len(set(rows)) == 100 and max(rows[:10]) - min(rows[:10]) > 300
    assert rows == spread_order(1000, 100)


def test_weights_by_name():
    weights = fixed_weights(same_source=2.0)
    assert weights[FEATURES.index("same source")] == 2 and np.count_nonzero(weights) == 1


@pytest.fixture(scope="module")
def one_step(tmp_path_factory, pairs_of):
    """A run of one step, with pairs that it has not seen in test.tsv."""
    folder = tmp_path_factory.mktemp("floor")
    for name, count, seed in (("pairs.tsv", 200, 1), ("test.tsv", 60, 5)):
        lines = "".join(f"{a}\t{b}\n" for a, b in pairs_of(count, seed))
        (folder / name).write_text(lines)
    options = {"level": "word", "steps": 1, "hidden": 8, "threads": 1, "quiet": True}
    return unroll.train(str(folder / "pairs.tsv"), folder / "run", **options)


def test_one_step_is_as_good_as_the_floor(one_step):
    result = one_step.result()
    assert result["bleu"] == result["baselines"]["known pairs alone"]["bleu"]
    assert result["bleu"] >= result["baselines"]["nearest neighbour"]["bleu"] > 20
    assert "network alone" not in result["baselines"]
    assert not one_step.model.candidate_weights[0, :2].any()


def test_evaluation_measures_what_is_predicted_and_the_run_loads_again(one_step):
    folder = one_step.path.parent
    found = one_step.evaluate(str(folder / "test.tsv"))
    pairs = [line.split("\t") for line in (folder / "test.tsv").read_text().splitlines()]
    again = unroll.load(one_step.path)
    predicted = [each["translation"] for each in again.predict([a for a, _ in pairs])]
    right = [a == b for a, (_, b) in zip(predicted, pairs, strict=True)]
    assert found["exact_match"] == pytest.approx(np.mean(right))
    assert len(again.preprocessor.floor.pairs) == 200  # the validation set among them
    single = [again.predict(a)["translation"] for a, _ in pairs[:5]]
    assert single == predicted[:5]


def test_a_resumed_run_does_not_choose_by_what_it_knows(one_step):
    before = one_step.result()["bleu"]
    run = unroll.train(
        str(one_step.path.parent / "pairs.tsv"), one_step.path, resume=True, steps=2, quiet=True
    )
    assert run.result()["bleu"] == pytest.approx(before, abs=3)


def test_without_a_floor_the_network_is_alone(one_step):
    folder = one_step.path.parent
    run = unroll.train(
        str(folder / "pairs.tsv"), folder / "bare", level="word", steps=1, hidden=8, threads=1,
        quiet=True, floor="none",
    )  # fmt: skip
    assert set(run.result()["baselines"]) == {"source copied", "nearest neighbour"}
    assert not (run.path / "floor.safetensors").exists() and (run.path / "baseline.json").exists()
    assert not hasattr(run.model, "candidate_weights")


def test_a_trained_network_helps_and_is_measured_alone(run, place):
    result = run.result()
    assert result["bleu"] >= result["baselines"]["known pairs alone"]["bleu"]
    assert "network alone" in result["baselines"] and result["origins"].get("network", 0) > 0
