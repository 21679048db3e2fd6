"""The captions of similar images, kept in a run folder."""

import numpy as np
import pytest
import torch

from unroll.errors import UserError
from unroll.saved_files import Damaged
from unroll.tasks.caption import neighbours
from unroll.tasks.caption.neighbours import (
    KnownImages,
    make_thumbnails,
    neighbour_captions,
)
from unroll.tasks.caption.network import Captioner
from unroll.tasks.caption.reader import read_captions
from unroll.tasks.caption.settings import CaptionSettings
from unroll.training.folder import RunFolder


def test_the_nearest_are_those_of_a_loop_over_all():
    torch.manual_seed(1)
    images = torch.randint(256, (9, 3, 24, 24), dtype=torch.uint8)
    known = KnownImages(make_thumbnails(images), [[str(k)] for k in range(9)], torch.randn(9, 5))
    asked, features = make_thumbnails(images.flip(0) // 2), torch.randn(9, 5)
    distances = {
        "thumbnails": lambda a, b, x, y: np.sqrt(((a - b) ** 2).sum()),
        "features": lambda a, b, x, y: 1 - x @ y / np.linalg.norm(x) / np.linalg.norm(y),
    }
    for by, distance in distances.items():
        found = known.nearest(asked, 4, features, by).tolist()
        for row in range(9):
            a, x = asked[row].double().numpy(), features[row].double().numpy()
            apart = [
                distance(a, b, x, y)
                for b, y in zip(
                    known.thumbnails.double().numpy(), known.features.double().numpy(), strict=True
                )
            ]
            assert found[row] == np.argsort(apart, kind="stable")[:4].tolist()


@pytest.mark.parametrize("by", ["thumbnails", "features", "both"])
def test_the_nearest_are_the_same_for_some_images_at_a_time(monkeypatch, by):
    torch.manual_seed(1)
    thumbnails, features = torch.randint(256, (9, 432), dtype=torch.uint8), torch.randn(9, 5)
    known = KnownImages(thumbnails[:6], [[str(k)] for k in range(6)], features[:6])
    found = known.nearest(thumbnails, 4, features, by)
    monkeypatch.setattr(neighbours, "DISTANCES", 12)
    assert torch.equal(known.nearest(thumbnails, 4, features, by), found)
    assert known.nearest(thumbnails[:0], 4, features[:0], by).shape == (0, 4)


def test_all_images_count_the_same_whatever_their_captions():
    known = KnownImages(torch.zeros(3, 3, dtype=torch.uint8), [["a", "b"], ["a"], ["c"]])
    texts, shares = neighbour_captions(known, [0, 1])
    assert texts == ["a", "b"] and shares == pytest.approx([0.75, 0.25])


def test_images_are_read_with_the_network_where_there_is_time(write_table, folder, monkeypatch):
    monkeypatch.setattr(neighbours, "BATCH_SIZE", 4)
    data = read_captions(write_table(), CaptionSettings())
    known = KnownImages.fit(data.train, data.preprocessor.vocabulary)
    network = Captioner(len(data.preprocessor.vocabulary), data.preprocessor.size, [3], 6, 8)
    device = torch.device("cpu")
    assert known.measures == ("thumbnails",)
    assert known.learn_features(data.train, network, device)
    whole = known.features
    assert whole.shape == (data.train.image_count, 6) and len(known.measures) == 3
    assert known.learn_features(data.train, network, device, seconds=60.0)
    assert torch.equal(known.features, whole)
    assert not known.learn_features(data.train, network, device, seconds=0.0)
    assert known.measures == ("thumbnails",)


def test_it_is_saved_and_loaded_and_damage_is_a_sentence(write_table, folder):
    data = read_captions(write_table(), CaptionSettings())
    known = KnownImages.fit(data.train, data.preprocessor.vocabulary)
    assert len(known.captions) == data.train.image_count
    # the words are known, so they are written as the network would, in lower case
    assert any(text.startswith("a picture") for each in known.captions for text in each)
    known.features = torch.randn(len(known.captions), 4).half().float()
    known.by, known.count, known.weight = "both", 3, 0.5
    run = RunFolder.create(folder / "run", known.files(), overwrite=False)
    loaded = KnownImages.load(run.path, 3)
    assert torch.equal(loaded.features, known.features) and loaded.captions == known.captions
    assert (loaded.by, loaded.count, loaded.weight) == ("both", 3, 0.5)
    with pytest.raises((Damaged, UserError), match="a thumbnail of each image"):
        KnownImages.load(run.path, 1)
    assert known.joined(loaded).captions == known.captions * 2
    empty = RunFolder.create(folder / "old", {"a.txt": b""}, overwrite=False)
    assert KnownImages.load(empty.path, 3) is None
