"""Images of a caption table: scaled to one size, cached or read again."""

import numpy as np
import pytest
import torch
from PIL import Image

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.caption.batches import CaptionBatches
from unroll.tasks.caption.images import choose_size, scan_images
from unroll.tasks.caption.reader import read_captions
from unroll.tasks.caption.rows import CaptionRows
from unroll.tasks.caption.settings import CaptionSettings


def read(name, **settings):
    return read_captions(name, CaptionSettings(**settings))


def test_cached_images_and_those_read_again_are_the_same(folder, write_table):
    name = write_table()
    cached, again = read(name), read(name, cache=0)
    assert again.train.images.cached is None and cached.sha256 == again.sha256
    for k in range(3):
        one, other = (CaptionBatches(d.train, 8, 3).batch(k) for d in (cached, again))
        assert torch.equal(one.images, other.images) and torch.equal(one.target, other.target)
    Image.new("L", (24, 16), 255).save(folder / "4.png")
    assert read(name).sha256 != cached.sha256


def test_any_mode_and_size_is_scaled_to_one(folder):
    lines = []
    for k, mode in enumerate(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "I;16"] * 2):
        Image.new(mode, (5 + 17 * k, 40 + k)).save(folder / f"{k}.tif")
        lines.append(f"{k}.tif\tWords of {k} here.\n")
    (folder / "t.tsv").write_text("".join(lines))
    data = read("t.tsv", height=12, width=20, colours=1)
    assert data.train.images.cached.shape == (20, 1, 12, 20)
    with pytest.raises(UserError, match="no record"):
        (folder / "empty.csv").write_text("image,caption\n")
        read("empty.csv")


def test_the_size_follows_the_usual_form(folder):
    paths = []
    for k, size in enumerate([(400, 100), (400, 100), (100, 400)]):
        Image.new("L", size).save(folder / f"{k}.png")
        paths.append(folder / f"{k}.png")
    settings = CaptionSettings()
    assert choose_size(paths, settings) == (3, 50, 200)
    assert choose_size(paths, settings.model_copy(update={"height": 20})) == (3, 20, 80)
    assert choose_size(paths, settings.model_copy(update={"width": 80})) == (3, 20, 80)
    assert np.prod(choose_size(paths[2:], settings)[1:]) == 10_000


def test_a_row_whose_image_cannot_be_read_is_bad(folder):
    Image.new("L", (24, 16)).save(folder / "a.png")
    (folder / "b.png").write_text("no image")
    rows = CaptionRows([folder / "a.png", folder / "b.png"], ["line 1", "line 2"], "abc", [0, 1, 0])
    problems = Problems(skip=True)
    scan = scan_images(rows, (1, 8, 8), 1 << 20, problems)
    assert scan.readable.tolist() == [True, False, True] and problems.count == 1
    assert scan.images.take([0]).shape == (1, 1, 8, 8)
    with pytest.raises(UserError, match="line 2: "):
        scan_images(rows, (1, 8, 8), 0, Problems())
