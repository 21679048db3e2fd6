"""The metrics of a text: their units, and that they do not depend on how it is read."""

import math

import pytest
import torch

from unroll.data.vocabulary import ids_read
from unroll.models.language import LanguageModel
from unroll.tasks.language.metrics import measure, summarise, text_metrics


def test_the_units_fit_together(prepared):
    corpus, _ = prepared()
    metrics = text_metrics(2.0 * corpus.valid.tokens, corpus.valid.tokens, corpus.valid)
    assert metrics["nats_per_token"] == 2.0 and metrics["perplexity"] == pytest.approx(math.e**2)
    # a token is a character here
    assert metrics["bits_per_character"] == pytest.approx(2.0 / math.log(2))


def test_a_stream_is_measured_token_by_token_with_its_state_carried(prepared):
    corpus, _ = prepared()
    vocabulary = corpus.vocabulary
    network = LanguageModel(len(vocabulary), 4, 8, ids_read=ids_read(vocabulary))
    shares = []
    metrics = measure(network, corpus.valid, torch.device("cpu"), shares.append)
    ids = torch.from_numpy(corpus.valid.ids[:].astype("int64"))
    with torch.no_grad():
        logits, _ = network(ids[:-1, None])
    expected = torch.nn.functional.cross_entropy(logits[:, 0], ids[1:]).item()
    assert metrics["nats_per_token"] == pytest.approx(expected, rel=1e-5)
    assert metrics["tokens"] == len(ids) - 1 and shares[-1] == 1.0


def test_the_summary_has_a_line_for_each_model_and_a_warning(prepared):
    corpus, _ = prepared()
    metrics = {**text_metrics(30.0, 10, corpus.valid), "unknown_rate": 0.5}
    lines = summarise({**metrics, "baselines": {"unigram": metrics}}, "poems.txt")
    assert lines[0] == "On poems.txt, 10 tokens:" and len(lines) == 4
    assert lines[1].startswith("  this model  ") and lines[2].startswith("  unigram     ")
    assert "50% of these tokens are unknown" in lines[3]
