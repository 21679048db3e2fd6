"""Metrics of tunes: every token counts, whatever stands beside a tune in a batch."""

import pytest
import torch

from unroll.tasks.music.metrics import count_units, summarise, token_nats

CPU = torch.device("cpu")


def test_every_token_of_a_tune_and_its_end_count(abc, untrained, tune):
    network = untrained(abc, 0)
    (nats,) = token_nats(network, [tune()], abc, CPU)
    assert len(nats) == len(abc.encode(tune())) + 1
    both = token_nats(network, [tune() + "A|" * 50, tune()], abc, CPU)
    assert both[1] == pytest.approx(nats, abs=1e-5)


def test_units_are_characters_of_abc_and_words_of_midi():
    assert count_units(["GAB|\n", "c\n"], "abc") == 7
    assert count_units(["1/480\nn60 +480 o60\n"], "midi") == 4


def test_the_summary_compares_with_the_best_n_gram_model():
    metrics = {
        "loss": 0.9, "unit": "character", "tunes": 1, "size": 100, "nats_per_token": 1.0,
        "nats_per_tune": 90.0, "in_training": 1, "skipped": 2,
        "baselines": {"1-gram": {"loss": 3.0}, "5-gram": {"loss": 1.0}},
    }  # fmt: skip
    lines = summarise(metrics, "b.abc")
    assert lines[0] == "On b.abc, 1 tune, 100 characters:"
    assert "The model needs 10.0% fewer nats than the 5-gram model of characters." in lines
    assert lines[-2:] == ["1 of them is in the training set too.", "Skipped 2 bad records."]
