"""Tables of images and captions: read, cut into parts, scaled."""

import numpy as np
import pytest
import torch
from PIL import Image

from unroll.errors import UserError
from unroll.tasks.caption.preprocessor import load_preprocessor
from unroll.tasks.caption.reader import (
    CaptionBatches,
    groups_of,
    read_captions,
    usual_size,
)
from unroll.tasks.caption.settings import CaptionSettings


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(place, count=30, name="captions.csv", more=""):
    """Images of their own grey, two captions for every third."""
    lines = ["image,caption"]
    for k in range(count):
        Image.new("L", (24, 16), 8 * k).save(place / f"{k}.png")
        lines.append(f"{k}.png,A picture number {k}.")
        if k % 3 == 0:
            lines.append(f"{k}.png,It is {k}!")
    (place / name).write_text("\n".join(lines) + "\n" + more)
    return name


def read(name, **settings):
    return read_captions(name, CaptionSettings(**settings), None)


def test_no_image_is_in_both_parts_and_nothing_is_lost(place):
    data = read(table(place))
    train, valid = data.train, data.valid
    assert len(train) + len(valid) == 40 and len(valid) >= 3
    assert not set(train.which.tolist()) & set(valid.which.tolist())
    assert data.preprocessor.size == (3, 16, 24) and train.images.kept.shape == (30, 3, 16, 24)
    places, references = train.by_image()
    assert len(places) == len(set(train.which.tolist()))
    assert sorted(text for group in references for text in group) == sorted(train.texts)
    images, words = train.images.take(places[:2]), train.images.paths[places[1]].stem
    assert int(images[1, 0, 0, 0]) == 8 * int(words)
    assert data.validation_set.startswith("a tenth of the captions with all their images")


def test_the_same_caption_stays_in_one_part_where_that_leaves_enough(place):
    which, texts = [0, 1, 1, 2, 3], ["a", "A", "b", "b", "c"]
    assert groups_of(which, texts, True).tolist() == [0, 0, 0, 0, 1]
    assert groups_of(which, texts, False).tolist() == [0, 1, 1, 2, 3]
    rows = [f"{k}.png,Number {k % 5}." for k in range(30)]
    table(place)
    (place / "few.csv").write_text("image,caption\n" + "\n".join(rows) + "\n")
    assert read("few.csv").validation_set.startswith("a tenth of the images")
    apart = read("few.csv", apart="captions")
    assert len(set(apart.valid.texts)) == 1 and len(apart.valid) == 6
    assert not set(apart.train.texts) & set(apart.valid.texts)


def test_images_kept_and_read_anew_are_the_same(place):
    name = table(place)
    kept, anew = read(name), read(name, cache=0)
    assert anew.train.images.kept is None and kept.sha256 == anew.sha256
    for k in range(3):
        one, other = (CaptionBatches(d.train, 8, 3).batch(k) for d in (kept, anew))
        assert torch.equal(one.images, other.images) and torch.equal(one.target, other.target)
    Image.new("L", (24, 16), 255).save(place / "4.png")
    assert read(name).sha256 != kept.sha256


def test_batches_are_of_like_lengths_and_depend_on_seed_and_number_alone(place):
    data = read(table(place))
    batches = CaptionBatches(data.train, 8, 3)
    again = CaptionBatches(data.train, 8, 3)
    later = again.batch(batches.per_epoch + 1)
    assert torch.equal(batches.batch(batches.per_epoch + 1).target, later.target)
    batch = batches.batch(0)
    assert batch.tokens == int(batch.weight.sum()) == int(batch.lengths.sum())
    assert torch.equal(batch.inputs[1:], batch.target[:-1])
    seen = sum(len(batches.batch(k).lengths) for k in range(batches.per_epoch))
    assert seen == len(data.train)


def test_the_codec_comes_back_from_its_files(place):
    preprocessor = read(table(place)).preprocessor
    for name, data in preprocessor.files().items():
        (place / name).write_bytes(data)
    again = load_preprocessor(place)
    assert (again.size, again.longest, again.known) == (
        preprocessor.size,
        preprocessor.longest,
        preprocessor.known,
    )
    text = "a picture number 3."
    assert again.vocabulary.encode(text).tolist() == preprocessor.vocabulary.encode(text).tolist()
    (place / "captions.json").write_text("{}")
    with pytest.raises(UserError, match="no whole vocabulary"):
        load_preprocessor(place)


BAD = "none.png,There is none.\ncut.png,Cut off.\ntext.png,No image.\n3.png,\n"


def test_bad_rows_are_told_with_file_and_line_and_left_out_when_asked(place):
    name = table(place, more=BAD)
    Image.effect_noise((64, 64), 80).save(place / "whole.png")
    (place / "cut.png").write_bytes((place / "whole.png").read_bytes()[:900])
    (place / "text.png").write_text("This is no image.")
    with pytest.raises(UserError, match=r"captions.csv, line 42: there is no file none.png"):
        read(name)
    data = read(name, skip_bad=True)
    assert len(data.train) + len(data.valid) == 40 and data.problems.count == 4
    told = "\n".join(data.problems.messages())
    assert "line 43: " in told and "cut.png is no image that can be read" in told
    assert "line 44: " in told and "line 45: column caption is empty" in told


def test_a_bad_image_alone_stops_with_its_line(place):
    name = table(place, more="text.png,No image.\n")
    (place / "text.png").write_text("This is no image.")
    with pytest.raises(UserError, match=r"line 42: .*text.png is no image.*--skip-bad"):
        read(name)


def test_any_mode_and_size_is_scaled_to_one(place):
    lines = []
    for k, mode in enumerate(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "I;16"] * 2):
        Image.new(mode, (5 + 17 * k, 40 + k)).save(place / f"{k}.tif")
        lines.append(f"{k}.tif\tWords of {k} here.\n")
    (place / "t.tsv").write_text("".join(lines))
    data = read("t.tsv", height=12, width=20, colours=1)
    assert data.train.images.kept.shape == (20, 1, 12, 20)
    with pytest.raises(UserError, match="no record"):
        (place / "empty.csv").write_text("image,caption\n")
        read("empty.csv")


def test_the_size_follows_the_usual_form(place):
    paths = []
    for k, size in enumerate([(400, 100), (400, 100), (100, 400)]):
        Image.new("L", size).save(place / f"{k}.png")
        paths.append(place / f"{k}.png")
    settings = CaptionSettings()
    assert usual_size(paths, settings) == (3, 50, 200)
    assert usual_size(paths, settings.model_copy(update={"height": 20})) == (3, 20, 80)
    assert usual_size(paths, settings.model_copy(update={"width": 80})) == (3, 20, 80)
    assert np.prod(usual_size(paths[2:], settings)[1:]) == 10_000
