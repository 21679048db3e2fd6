"""Metrics of texts, and the sentences about them."""

import pytest

from unroll.tasks.transcribe.metrics import summarise, text_errors, timed_samples


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


def test_the_verdict_names_all_three():
    pairs = [("low", "low"), ("high", "low")]
    alone = text_errors(pairs)
    found = metrics(network_alone=alone, sampled_from=9)
    found["baselines"] = {"simple model": alone, **found["baselines"]}
    sentences = summarise(found, "x")
    assert sentences[0] == "On x, 2 lines of 9, 3 words:"
    assert (
        "The network with the simple model: word error 33.33%; the simple model alone: 50.00%, the "
        "network alone: 50.00%." in sentences
    )


def test_samples_end_with_the_time():
    assert list(timed_samples(5, None)) == [[0, 1, 2, 3, 4]]
    every = [row for rows in timed_samples(600, 60.0) for row in rows]
    assert sorted(every) == list(range(600))
    (first,) = timed_samples(600, 0.0)
    assert len(first) == 256 and max(first) > 500
