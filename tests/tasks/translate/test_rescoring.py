"""Features of candidates, and what the network says of a known text."""

import numpy as np
import pytest
import torch

from unroll.data.padding import decoder_targets, pad_sequences
from unroll.models.beam_search import Hypothesis
from unroll.tasks.translate.memory import Candidate, TranslationMemory
from unroll.tasks.translate.rescoring import (
    FEATURES,
    RatedCandidate,
    ask_network,
    consensus,
    ranked,
    rate_candidates,
)

SOURCES = ["big red dog", "cat"]


@pytest.fixture
def memory(pairs_of):
    return TranslationMemory.learn(pairs_of(60))


def test_candidates_with_one_text_are_merged_and_keep_what_speaks_for_them(memory):
    found = [
        Candidate("le chat", "network", hypothesis=Hypothesis([1], -2.0, -1.0, True, None)),
        Candidate("le chat", "mended neighbour", 0.5),
        Candidate("le chien", "neighbour", 0.7),
        Candidate("le chat", "neighbour", 0.9, True),
    ]
    ((first, second),) = rate_candidates(memory, ["cat"], [found])
    assert first.candidate.origin == "network"
    named = dict(zip(FEATURES, first.features.tolist(), strict=True))
    assert named["searched"] == 1 and named["network"] == -1 and named["same source"] == 1
    assert named["similarity"] == 0.9 and named["mended"] == 0
    assert second.features[0] == 0 and second.features[1] == 0
    assert named["forward"] > second.features[FEATURES.index("forward")]


def test_ranks_are_stable():
    rated = [
        RatedCandidate(Candidate(t, "neighbour"), np.array([x]))
        for t, x in zip("abc", [1, 2, 2], strict=True)
    ]
    assert [each.candidate.text for each in ranked(rated, np.array([1.0]))] == ["b", "c", "a"]


def test_consensus_is_the_mean_similarity_to_others():
    found = consensus(["aaa", "aaa", "xyz", "alone"], np.array([0, 0, 0, 1]))
    np.testing.assert_allclose(found, [0.5, 0.5, 0.0, 0.0], atol=1e-6)


def test_the_network_says_what_its_loss_says(run, memory):
    found = memory.candidates(SOURCES)
    rated = rate_candidates(memory, SOURCES, found)
    asked = ask_network(run.model, run.preprocessor, SOURCES, rated, 1.0, run.device)
    for source, own in zip(SOURCES, asked, strict=True):
        for each in own:
            ids, lengths = pad_sequences([run.preprocessor.source.encode(source)])
            target = run.preprocessor.target.encode(each.candidate.text)
            inputs, wanted, weight, _ = decoder_targets([target])
            with torch.no_grad():
                loss = float(run.model.loss(ids, lengths, inputs, wanted, weight))
            hypothesis = each.candidate.hypothesis
            assert hypothesis.log_probability == pytest.approx(-loss, rel=1e-4)
            assert each.features[1] == pytest.approx(-loss / ((6 + len(target)) / 6), rel=1e-4)
            assert hypothesis.attention.shape[0] == len(target) + 1
            assert float(hypothesis.attention[:, int(lengths) :].sum()) == 0
