"""Tables of images and captions as a training set and a validation set."""

import pytest
from PIL import Image

from unroll.errors import UserError
from unroll.tasks.caption.reader import read_captions
from unroll.tasks.caption.settings import CaptionSettings


def read(name, **settings):
    return read_captions(name, CaptionSettings(**settings))


def test_no_image_is_in_both_parts_and_nothing_is_lost(folder, write_table):
    data = read(write_table())
    train, valid = data.train, data.valid
    assert len(train) + len(valid) == 40 and len(valid) >= 3
    assert not set(train.which.tolist()) & set(valid.which.tolist())
    assert data.preprocessor.size == (3, 16, 24) and train.images.cached.shape == (30, 3, 16, 24)
    places, references = train.by_image()
    assert len(places) == len(set(train.which.tolist()))
    assert sorted(text for group in references for text in group) == sorted(train.texts)
    images, words = train.images.take(places[:2]), train.images.paths[places[1]].stem
    assert int(images[1, 0, 0, 0]) == 8 * int(words)
    assert data.validation_set.startswith("a tenth of the captions with all their images")


BAD = "none.png,There is none.\ncut.png,Cut off.\ntext.png,No image.\n3.png,\n"


def test_bad_rows_are_reported_with_file_and_line_or_skipped(folder, write_table):
    name = write_table(more=BAD)
    Image.effect_noise((64, 64), 80).save(folder / "whole.png")
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:900])
    (folder / "text.png").write_text("This is no image.")
    with pytest.raises(UserError, match=r"captions.csv, line 42: there is no file none.png"):
        read(name)
    data = read(name, skip_bad=True)
    assert len(data.train) + len(data.valid) == 40 and data.problems.count == 4
    report = "\n".join(data.problems.messages())
    assert "line 43: " in report and "cut.png is no image that can be read" in report
    assert "line 44: " in report and "line 45: column caption is empty" in report


def test_a_bad_image_alone_stops_with_its_line(folder, write_table):
    name = write_table(more="text.png,No image.\n")
    (folder / "text.png").write_text("This is no image.")
    with pytest.raises(UserError, match=r"line 42: .*text.png is no image.*--skip-bad"):
        read(name)
