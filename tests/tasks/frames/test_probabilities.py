"""Probabilities of the network, and of network and simple model together."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import unroll
from unroll.tasks.frames.metrics import true_classes
from unroll.tasks.frames.probabilities import combine_with_floor, predict_probabilities


def test_probabilities_are_those_of_each_clip_alone(states, untrained):
    data, settings = states()
    network, done = untrained(data, settings), []
    together = predict_probabilities(network, data.train, torch.device("cpu"), done.append)
    assert done[-1] == 1 and all(each.shape == (12, 2) for each in together)
    (alone,) = predict_probabilities(network, data.train, torch.device("cpu"), rows=[3])
    np.testing.assert_allclose(alone, together[3], atol=1e-5)
    assert len(true_classes(data.train, [3, 1])) == 24


def test_the_combination_is_a_product_of_powers():
    network, simple = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([[-1.0, 1.0], [0.5, 0.25]])
    found = combine_with_floor(network, simple, torch.tensor([0.5, 2.0]))
    expected = network**0.5 * np.exp(2 * simple)
    assert found == pytest.approx(expected / expected.sum(1, keepdims=True))
    assert combine_with_floor(network, simple, torch.tensor([1.0, 0.0])) == pytest.approx(network)


def write_waves(folder, count=36):
    """Clips of three frequencies in the rows of one wide table: 40 frames of one number."""
    draw, rows = np.random.default_rng(0), ["label," + ",".join(f"x{k}" for k in range(40))]
    for k in range(count):
        wave = np.sin((k % 3 + 1) * (np.arange(40) / 3 + draw.uniform(0, 6)))
        values = wave + 0.1 * draw.normal(size=40)
        rows.append(f"{'abc'[k % 3]}," + ",".join(f"{x:.4f}" for x in values))
    (folder / "waves.csv").write_text("\n".join(rows))
    return folder / "waves.csv"


def test_a_run_of_one_step_is_as_good_as_the_simple_model_and_loads_again(tmp_path):
    data = write_waves(tmp_path)
    run = unroll.train(
        data, tmp_path / "run", task="frames", label="label", steps=1, hidden=8, quiet=True
    )
    result = run.result()
    assert result["accuracy"] == result["baselines"]["simple model"]["accuracy"] > 0.9
    found = unroll.load(tmp_path / "run")
    metrics = found.evaluate(data)
    lines = [line.split(",") for line in data.read_text().splitlines()[1:]]
    clips = [np.array(line[1:], dtype=np.float64)[:, None] for line in lines]
    labels = [row["label"] for row in found.predict(clips)]
    true = [line[0] for line in lines]
    assert np.mean(np.array(labels) == true) == pytest.approx(metrics["accuracy"])
    alone = replace(found.trained, preprocessor=replace(found.preprocessor, floor=None))
    assert alone.preprocessor.files().keys() < found.preprocessor.files().keys()
    bare = unroll.train(
        data, tmp_path / "bare", task="frames", label="label", steps=1, hidden=8, quiet=True,
        floor="none",
    )  # fmt: skip
    assert bare.preprocessor.floor is None and "shares" not in bare.model.state_dict()
