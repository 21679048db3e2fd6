"""What is minimised falls, and is evaluated on the validation set."""

import pytest
import torch

from unroll.tasks.classify.objective import ClassifyObjective


def test_thirty_two_examples_are_memorised(tmp_path, write_reviews, train_run):
    path = write_reviews(tmp_path / "train.csv", 32)
    plain = {"dropout": 0, "word_dropout": 0, "label_smoothing": 0, "valid": path, "batch_size": 32}
    _, _, losses = train_run(path, **plain)
    assert losses[-1] < 0.01


def test_the_error_decides_and_is_of_the_validation_set(tmp_path, write_reviews, begin):
    settings, data, network = begin(write_reviews(tmp_path / "train.csv", 60))
    objective = ClassifyObjective(network, data, settings, torch.device("cpu"))
    metrics = objective.evaluate()
    assert metrics[objective.decides] == 1 - metrics["accuracy"]
    p = network.probabilities(*unpadded(data.valid))
    accuracy = (p.argmax(1).numpy() == data.valid.targets).mean()
    assert metrics["accuracy"] == accuracy and objective.batches_per_epoch == 2
    assert objective.initial_state() is None and objective.batch(0).ragged


def unpadded(records):
    from unroll.tasks.classify.labelled import make_batch

    batch = make_batch(records, list(range(len(records))))
    return batch.x, batch.lengths, batch.count_scores


def test_balanced_weights_reach_the_loss(tmp_path, write_reviews, begin):
    settings, data, network = begin(
        write_reviews(tmp_path / "train.csv", 60), class_weights="balanced"
    )
    assert network.weights is None
    ClassifyObjective(network, data, settings, torch.device("cpu"))
    assert network.weights.shape == (2,)


def test_a_ridge_read_out_is_solved(tmp_path, write_reviews, begin):
    path = write_reviews(tmp_path / "train.csv", 60)
    settings, data, network = begin(path, readout="ridge")
    objective = ClassifyObjective(network, data, settings, torch.device("cpu"))
    before, shares = network.decide.weight.clone(), []
    (sentence,) = objective.solve(shares.append)
    assert objective.closed_form and "over 54 records" in sentence
    assert shares == sorted(shares) and shares[-1] == 1
    assert not torch.equal(before, network.decide.weight)


@pytest.mark.parametrize("floor", ["auto", "none"])
def test_an_evaluation_may_read_fewer_records(tmp_path, write_reviews, begin, monkeypatch, floor):
    monkeypatch.setattr("unroll.training.objective.FEWEST_RECORDS", 3)
    settings, data, network = begin(write_reviews(tmp_path / "train.csv", 60), floor=floor)
    objective = ClassifyObjective(network, data, settings, torch.device("cpu"))
    everything = objective.evaluate()
    assert objective.limit_evaluation(0.01) == 3 / len(data.valid)
    assert objective.evaluate()["accuracy"] * 3 % 1 in (0, 1)
    assert objective.limit_evaluation(1.0) == 1 and objective.evaluate() == everything
