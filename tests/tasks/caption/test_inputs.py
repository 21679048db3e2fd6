"""The images that a path of inputs asks to caption."""

from pathlib import Path

import pytest
import torch

from unroll.errors import UserError
from unroll.tasks.caption.inputs import check_image_path, open_image, read_image_paths
from unroll.tasks.caption.settings import CaptionSettings


def test_an_image_a_folder_and_a_table(folder, write_table):
    settings = CaptionSettings()
    name = write_table(3)
    assert list(read_image_paths("1.png", settings)) == ["1.png"]
    assert list(read_image_paths(str(folder), settings)) == [
        str(folder / f"{k}.png") for k in "012"
    ]
    assert list(read_image_paths(name, settings)) == ["0.png", "0.png", "1.png", "2.png"]
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="empty holds no images"):
        list(read_image_paths("empty", settings))


def test_an_image_that_cannot_be_read_is_refused_or_reported(folder, write_table):
    write_table(1)
    image = open_image(Path("0.png"), (3, 8, 12), skip_bad=False)
    assert image.shape == (3, 8, 12) and image.dtype == torch.uint8
    with pytest.raises(UserError, match=r"There is no file none.png.*--skip-bad"):
        open_image(Path("none.png"), (3, 8, 12), skip_bad=False)
    assert "no file none.png" in open_image(Path("none.png"), (3, 8, 12), skip_bad=True)


def test_an_input_is_a_path():
    assert check_image_path("a.png") == Path("a.png")
    with pytest.raises(UserError, match="Got int where an image is expected"):
        check_image_path(3)
