"""The tagger: padded = alone, letters read once for each word, word dropout."""

import pytest
import torch

from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.encoded import EncodedSentences
from unroll.tasks.tag.network import Tagger
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.schemes import allowed_transitions, scheme_labels

SENTENCES = [
    Sentence(("New", "York", "is", "big"), ("B-x", "I-x", "O", "O")),
    Sentence(("Rome",), ("B-x",)),
    Sentence(("big", "Rome", "is", "old", ",", "older"), ("O", "B-x", "O", "O", "O", "O")),
]
LABELS = scheme_labels(["x"], "BIO")
PREPROCESSOR = TagPreprocessor.learn(SENTENCES, LABELS, scheme="BIO", file_scheme="BIO")


def tagger(**sizes):
    if sizes.get("crf"):
        sizes["allowed"] = tuple(torch.from_numpy(x) for x in allowed_transitions(LABELS, "BIO"))
    small = {"embedding_size": 5, "character_size": 4, "hidden_size": 6}
    return Tagger(PREPROCESSOR.counts, len(PREPROCESSOR.alphabet), len(LABELS), **(small | sizes))


@pytest.mark.parametrize("crf", [False, True])
@pytest.mark.parametrize("cell", ["lstm", "gru", "min_gru"])
def test_padded_is_alone(crf, cell):
    model = tagger(crf=crf, cell=cell, num_layers=2).eval()
    encoded = EncodedSentences(SENTENCES, PREPROCESSOR)
    together = encoded.batch([0, 1, 2])
    scores = model(together)
    losses = []
    for b in range(3):
        alone = encoded.batch([b])
        own = model(alone)
        torch.testing.assert_close(scores[: len(own), b : b + 1], own, atol=1e-5, rtol=1e-5)
        losses.append(model.loss(own, alone))
        best = model.most_likely_labels(own, alone)
        assert torch.equal(model.most_likely_labels(scores, together)[: len(own), b : b + 1], best)
        torch.testing.assert_close(model.probabilities(own, alone).sum(-1), torch.ones(len(own), 1))
    torch.testing.assert_close(model.loss(scores, together), torch.stack(losses).sum())


def test_in_one_direction_words_after_it_do_not_matter():
    longer = [SENTENCES[0], Sentence((*SENTENCES[0].words[:2], "Rome", "old"), SENTENCES[0].tags)]
    both = {}
    for bidirectional in (True, False):
        model = tagger(bidirectional=bidirectional, num_layers=2).eval()
        scores = model(EncodedSentences(longer, PREPROCESSOR).batch([0, 1]))
        both[bidirectional] = torch.equal(scores[:2, 0], scores[:2, 1])
    assert both == {True: False, False: True}


def test_a_crf_never_breaks_the_scheme():
    model = tagger(crf=True).eval()
    batch = EncodedSentences(SENTENCES, PREPROCESSOR).batch([2])
    for _ in range(20):
        scores = 5 * torch.randn(6, 1, len(LABELS))
        tags = [LABELS[k] for k in model.most_likely_labels(scores, batch)[:, 0].tolist()]
        assert PREPROCESSOR.tags(PREPROCESSOR.label_numbers(tags)) == tags


def test_rare_words_become_unknown_more_often_and_only_in_training():
    model = tagger(word_dropout=1.0)
    batch = EncodedSentences(SENTENCES, PREPROCESSOR).batch([0])
    seen = []
    model.words.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    for _ in range(400):
        model(batch)
    unknown = (torch.stack(seen)[:, :, 0] == 0).float().mean(0)
    counts = PREPROCESSOR.counts[batch.words[:, 0]]
    torch.testing.assert_close(unknown, 1 / (1 + counts), atol=0.08, rtol=0)
    seen.clear()
    model.eval()(batch)
    assert torch.equal(seen[0], batch.words)


@pytest.mark.parametrize("crf", [False, True])
def test_missed_spans_cost_more_in_training_alone(crf):
    plain, careful = tagger(crf=crf), tagger(crf=crf, recall=1.5)
    batch = EncodedSentences(SENTENCES, PREPROCESSOR).batch([0, 1, 2])
    scores = torch.randn(6, 3, len(LABELS))
    given = scores.clone()
    given[..., 0] += 1.5 * (batch.labels != 0)
    torch.testing.assert_close(careful.loss(scores, batch), plain.loss(given, batch))
    torch.testing.assert_close(careful.eval().loss(scores, batch), plain.loss(scores, batch))


def test_without_letters():
    model = tagger(character_size=0)
    assert model.letters is None
    batch = EncodedSentences(SENTENCES, PREPROCESSOR).batch([0, 1])
    model.loss(model(batch), batch).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_pretrained_vectors_are_taken():
    model = tagger()
    model.take_vectors({2: torch.arange(5.0)})
    assert model.words.weight[2].tolist() == [0, 1, 2, 3, 4]


def test_sentences_without_words():
    model = tagger(crf=True).eval()
    batch = EncodedSentences([Sentence(())], PREPROCESSOR, labels=False).batch([0])
    assert model(batch).shape == (0, 1, len(LABELS))
    with pytest.raises(ValueError, match="no labels"):
        model.loss(model(batch), batch)
