"""The caption of the nearest image."""

import torch

from unroll.tasks.caption.baseline import NearestImage
from unroll.tasks.caption.neighbours import make_thumbnails
from unroll.tasks.caption.reader import read_captions
from unroll.tasks.caption.settings import CaptionSettings
from unroll.training.folder import RunFolder


def test_it_knows_the_training_set_and_is_loaded_from_its_file(write_table, folder):
    train = read_captions(write_table(), CaptionSettings()).train
    known = NearestImage.fit(train)
    images = train.images.take(train.which.tolist())
    first = {}
    for place, text in zip(train.which.tolist(), train.texts, strict=True):
        first.setdefault(place, text)
    expected = [first[place] for place in train.which.tolist()]
    assert known.nearest_captions(make_thumbnails(images)) == expected
    run = RunFolder.create(folder / "run", known.files(), overwrite=False)
    loaded = NearestImage.load(run.path, 3)
    assert torch.equal(loaded.thumbnails, known.thumbnails) and loaded.captions == known.captions
