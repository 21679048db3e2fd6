"""Which files look like clips, and which widths are possible."""

from pathlib import Path

import pytest

from unroll.tasks.frames.settings import FramesSettings


def guess(path, **given):
    return FramesSettings.guess(Path(path), given)


def test_which_files_are_guessed(tmp_path):
    Path("clips.csv").write_text("file,what\na.mp4,walk\nb.mp4,run\n")
    assert guess("clips.csv") == "a table that names clips, in column 1"
    Path("reviews.csv").write_text("review,stars\nlovely,5\ndull,1\n")
    Path("iris.csv").write_text("a,b,c,d,kind\n" + "1.5,2.5,3.5,4.5,x\n" * 9)
    assert guess("reviews.csv") is None and guess("iris.csv") is None
    assert guess("iris.csv", features=2) == "a table, and features is given"
    for name in ("walk", "run"):
        (tmp_path / "classes" / name).mkdir(parents=True)
        (tmp_path / "classes" / name / "1.mp4").write_bytes(b"")
    assert guess("classes") == "a folder of clips for each of 2 classes"


@pytest.mark.parametrize("widths", ["16,no", "", "0"])
def test_widths_are_whole_numbers(widths):
    with pytest.raises(ValueError, match="whole numbers separated by commas"):
        FramesSettings(widths=widths)
