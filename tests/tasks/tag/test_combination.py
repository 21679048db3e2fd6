"""Network and simple model together: their scores and their pairs are weighted sums."""

import pytest
import torch

from unroll.tasks.tag.combination import CombinedTagger, Mixture, keep_mixtures, kept_mixtures
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.encoded import EncodedSentences
from unroll.tasks.tag.floor_fitting import fit_tag_floor
from unroll.tasks.tag.network import Tagger
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.schemes import allowed_transitions, scheme_labels

SENTENCES = [
    Sentence(("New", "York", "is", "big"), ("B-x", "I-x", "O", "O")),
    Sentence(("Rome",), ("B-x",)),
]
LABELS = scheme_labels(["x"], "BIO")
PLAIN = TagPreprocessor.learn(SENTENCES, LABELS, scheme="BIO", file_scheme="BIO")
FLOOR = fit_tag_floor(SENTENCES, (), PLAIN, penalty=0.3)


def tagger(crf):
    torch.manual_seed(0)
    allowed = tuple(torch.from_numpy(x) for x in allowed_transitions(LABELS, "BIO"))
    return Tagger(
        PLAIN.counts, len(PLAIN.alphabet), 3, embedding_size=4, character_size=3, hidden_size=5,
        crf=crf, allowed=allowed if crf else None, combined=True,
    ).eval()  # fmt: skip


def batch():
    from dataclasses import replace

    return EncodedSentences(SENTENCES, replace(PLAIN, floor=FLOOR)).batch([0, 1], floor=True)


@pytest.mark.parametrize("crf", [False, True])
def test_scores_and_pairs_are_weighted_sums(crf):
    network, given = tagger(crf), batch()
    both = CombinedTagger(network, FLOOR, Mixture(0.5, 2.0, 0.25))
    expected = 0.5 * network(given) + 2 * given.floor
    expected[..., 0] -= 0.25
    torch.testing.assert_close(both.scores(given), expected)
    pairs = 2 * torch.from_numpy(FLOOR.chain.pairs).float()
    if crf:
        pairs = pairs + 0.5 * network.crf.pairs
    torch.testing.assert_close(both.output.crf.weights()[1], pairs)
    assert both.output.probabilities(both.scores(given), given).shape == (4, 2, 3)


def test_a_network_that_does_not_count_is_not_asked():
    network, given = tagger(True), batch()
    network.forward = None
    alone = CombinedTagger(network, FLOOR, Mixture(0.0, 1.0))
    torch.testing.assert_close(alone.scores(given), given.floor)
    labels = alone.output.most_likely_labels(alone.scores(given), given)
    assert PLAIN.tags(labels[:4, 0].tolist()) == list(SENTENCES[0].tags)


def test_weights_are_kept_in_the_network():
    network = tagger(True)
    assert kept_mixtures(network)["combined"] == Mixture(1.0, 0.0)
    mixtures = {
        "combined": Mixture(0.5, 1.5, 0.25),
        "network": Mixture(1.0, 0.0, 2.0),
        "floor": Mixture(0.0, 1.0, 0.75),
    }
    keep_mixtures(network, mixtures)
    assert kept_mixtures(network) == mixtures and "mixture" in network.state_dict()
    alone = CombinedTagger(network)
    torch.testing.assert_close(alone.scores(batch()), network(batch()))
