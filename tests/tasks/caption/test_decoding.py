"""Searches of a captioner: a beam, draws, and their consensus."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from unroll.data.words import WordVocabulary
from unroll.errors import UserError
from unroll.tasks.base import Trained
from unroll.tasks.caption.decoding import ImageCaptioner, describe_search, inverse_cdf, search
from unroll.tasks.caption.neighbours import KnownImages, make_thumbnails
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
    return network, preprocessor, images


def trained_with(parts, floor=None, **settings):
    network, preprocessor, _ = parts
    return Trained(
        network, replace(preprocessor, floor=floor), CaptionSettings(**settings),
        torch.device("cpu"), Path(),
    )  # fmt: skip


def found(parts, images, floor=None, **settings):
    return search(trained_with(parts, floor, **settings), images)


@pytest.mark.parametrize("settings", [{"consensus": 20}, {"consensus": 0, "beam": 3, "best": 2}])
def test_an_image_alone_and_in_a_batch_find_the_same(parts, settings):
    together = found(parts, parts[2], **settings)
    for k, one in enumerate(together):
        (alone,) = found(parts, parts[2][k : k + 1], **settings)
        assert [h.text for h in alone] == [h.text for h in one]
        assert all(0 not in h.found.tokens for h in one)  # never <unk>
        assert one[0].found.attention.shape[1] == 16


def test_consensus_ranks_different_captions_by_their_agreement(parts):
    _, preprocessor, images = parts
    (one,) = found(parts, images[:1], consensus=40)
    texts = [preprocessor.vocabulary.decode(h.found.tokens) for h in one]
    assert texts == [h.text for h in one]
    assert len(set(texts)) == len(texts) > 5
    assert [h.found.score for h in one] == sorted((h.found.score for h in one), reverse=True)
    (again,) = found(parts, images[:1], consensus=40)
    (other,) = found(parts, images[:1], consensus=40, seed=7)
    assert [h.text for h in again] == [h.text for h in one] != [h.text for h in other]


def test_with_full_weight_the_caption_of_the_nearest_image_is_chosen(parts, monkeypatch):
    network, preprocessor, images = parts
    # what does not count is not drawn, which takes nearly all of the time
    monkeypatch.setattr("unroll.tasks.caption.decoding.draw_captions", None)
    floor = KnownImages(make_thumbnails(images), [[f"{text}!"] for text in [*TEXTS, "snow"]])
    chosen = found(parts, images, floor, consensus=5)
    assert [one[0].text for one in chosen] == [f"{text}!" for text in [*TEXTS, "snow"]]
    assert all(one[0].borrowed and len(one) == 1 for one in chosen)
    # its probability is the network's own, token by token
    ids = preprocessor.vocabulary.encode(f"{TEXTS[0]}!")
    inputs = torch.tensor([[1], *([int(id)] for id in ids)])
    with torch.no_grad():
        logits, attention = network(images[:1], inputs)
    targets = torch.tensor([*map(int, ids), 1])
    log_p = logits[:, 0].log_softmax(-1)[torch.arange(len(targets)), targets].sum()
    assert chosen[0][0].found.log_probability == pytest.approx(float(log_p), abs=1e-5)
    assert torch.allclose(chosen[0][0].found.attention, attention[:, 0], atol=1e-6)


def test_by_features_an_image_alone_and_in_a_batch_find_the_same(parts):
    network, _, images = parts
    features = network.summarise(images).detach()
    for by in ("features", "both"):
        floor = KnownImages(make_thumbnails(images), [[t] for t in "abcd"], features, by, 1, 1.0)
        together = found(parts, images, floor, consensus=5)
        assert [one[0].text for one in together] == list("abcd")
        for k, one in enumerate(together):
            ((alone, *_),) = found(parts, images[k : k + 1], floor, consensus=5)
            assert alone.text == one[0].text


def test_features_of_another_network_are_refused(parts):
    floor = KnownImages(make_thumbnails(parts[2]), [[t] for t in "abcd"], torch.zeros(4, 6))
    ImageCaptioner(trained_with(parts, floor))
    with pytest.raises(UserError, match="features by the network"):
        ImageCaptioner(trained_with(parts, replace(floor, features=torch.zeros(4, 5))))


def test_inverse_cdf_follows_the_probabilities():
    p = torch.tensor([[0.2, 0.0, 0.5, 0.3]]).repeat(1000, 1)
    ids = inverse_cdf(p, torch.arange(1000).double() / 1000)
    assert torch.bincount(ids, minlength=4).tolist() == [200, 0, 500, 300]


def test_the_search_in_words(parts):
    assert describe_search(trained_with(parts, consensus=0, beam=1)) == "greedy"
    assert describe_search(trained_with(parts, consensus=0)) == "beam of 5, length penalty 1"
    drawn = describe_search(trained_with(parts, prior=0.5))
    assert drawn.startswith("of 100 captions sampled at temperature 0.7, seed 1, the caption")
    assert drawn.endswith("and for 50% with those of the training set")
    floor = KnownImages(make_thumbnails(parts[2]), [[t] for t in "abcd"], weight=0.25)
    assert "seed 1 and those of 1 similar image (weight 25%), the caption" in describe_search(
        trained_with(parts, floor)
    )
