"""Metrics of texts, and the sentences about them."""

import pytest

from unroll.tasks.transcribe.metrics import network_outputs, summarise, text_errors


def metrics(**changes):
    pairs = [("low top", "low"), ("high", "high")]
    return {
        **text_errors(pairs),
        "record_name": "line",
        "records": 2,
        "loss": 0.5,
        "too_short": 1,
        "exact_match": 0.5,
        "beam": 1,
        "confusions": [("low top", "", 3)],
        "in_training": 2,
        "baselines": {"no text": text_errors([(right, "") for right, _ in pairs])},
        **changes,
    }


def test_errors_of_texts():
    found = metrics()
    assert found["word_error"] == pytest.approx(1 / 3) and found["words"] == 3
    assert (found["deletions"], found["insertions"], found["substitutions"]) == (1, 0, 0)


def test_sentences():
    sentences = summarise(metrics(), "new.csv")
    assert sentences[0] == "On new.csv, 2 lines, 3 words:"
    assert sentences[2].startswith("  no text     word error 100.00%")
    text = " ".join(sentences)
    assert "50.00% of the lines have no error" in text and "1 line is too short" in text
    assert "Most frequent confusions: 'nothing' for 'low top' (3)." in text
    assert "2 lines are in the training set too." in text and "No better" not in text
    assert "No better than a baseline" in " ".join(summarise(metrics(word_error=1.0), "x"))


def test_results_of_earlier_versions_have_other_keys():
    old = metrics()
    for new, key in (
        ("record_name", "thing"),
        ("exact_match", "whole"),
        ("confusions", "mistaken"),
    ):
        old[key] = old.pop(new)
    assert summarise(old, "x") == summarise(metrics(), "x")


def test_outputs_are_those_of_each_record_alone(untrained):
    data, _, network = untrained()
    done = []
    found = {
        row: (log_p, loss)
        for row, log_p, loss in network_outputs(network, data.train, "cpu", progress=done.append)
    }
    assert sorted(found) == list(range(11)) and done[-1] == 1
    ((row, log_p, loss),) = network_outputs(network, data.train, "cpu", rows=[4])
    assert row == 4 and loss == pytest.approx(found[4][1], abs=1e-4)
    assert log_p.numpy() == pytest.approx(found[4][0].numpy(), abs=1e-5)
