"""Searches of a captioner: a beam, draws, and their consensus."""

import pytest
import torch

from unroll.data.words import WordVocabulary
from unroll.tasks.caption.cider import CiderD
from unroll.tasks.caption.decoding import describe_search, inverse_cdf, search
from unroll.tasks.caption.network import Captioner
from unroll.tasks.caption.preprocessor import CaptionPreprocessor
from unroll.tasks.caption.settings import CaptionSettings

TEXTS = ["a red dog runs", "a blue cat sits", "the sun sets"]


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(2)
    preprocessor = CaptionPreprocessor(
        WordVocabulary.learn(TEXTS), (1, 8, 8), 6, dict.fromkeys(TEXTS, 1)
    )
    network = Captioner(len(preprocessor.vocabulary), preprocessor.size, [3], 6, 8).eval()
    images = torch.randint(256, (4, 1, 8, 8), dtype=torch.uint8)
    return network, preprocessor, images, CiderD([text] for text in TEXTS)


def found(parts, images, **settings):
    network, preprocessor, _, known = parts
    chosen = CaptionSettings(**settings)
    return search(network, preprocessor, images, chosen, torch.device("cpu"), known.agreement)


@pytest.mark.parametrize("settings", [{"consensus": 20}, {"consensus": 0, "beam": 3, "best": 2}])
def test_an_image_alone_and_in_a_batch_find_the_same(parts, settings):
    together = found(parts, parts[2], **settings)
    for k, one in enumerate(together):
        (alone,) = found(parts, parts[2][k : k + 1], **settings)
        assert [h.tokens for h in alone] == [h.tokens for h in one]
        assert all(0 not in h.tokens for h in one)  # never <unk>
        assert one[0].attention.shape[1] == 16


def test_consensus_ranks_different_captions_by_their_agreement(parts):
    _, preprocessor, images, _ = parts
    (one,) = found(parts, images[:1], consensus=40)
    texts = [preprocessor.vocabulary.decode(h.tokens) for h in one]
    assert len(set(texts)) == len(texts) > 5
    assert [h.score for h in one] == sorted((h.score for h in one), reverse=True)
    (again,) = found(parts, images[:1], consensus=40)
    (other,) = found(parts, images[:1], consensus=40, seed=7)
    assert [h.tokens for h in again] == [h.tokens for h in one] != [h.tokens for h in other]


def test_inverse_cdf_follows_the_probabilities():
    p = torch.tensor([[0.2, 0.0, 0.5, 0.3]]).repeat(1000, 1)
    ids = inverse_cdf(p, torch.arange(1000).double() / 1000)
    assert torch.bincount(ids, minlength=4).tolist() == [200, 0, 500, 300]


def test_the_search_in_words():
    assert describe_search(CaptionSettings(consensus=0, beam=1), 0.0) == "greedy"
    assert describe_search(CaptionSettings(consensus=0), 0.0) == "beam of 5, length penalty 1"
    drawn = describe_search(CaptionSettings(), 0.5)
    assert drawn.startswith("of 100 captions sampled at temperature 0.7, seed 1, the caption")
    assert drawn.endswith("and for 50% with those of the training set")
