"""The preprocessor of a run folder is the one that was saved."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.frames.clips import ClipReader
from unroll.tasks.frames.preprocessor import FramesPreprocessor
from unroll.tasks.frames.scale import NumberScale
from unroll.training.files import write_folder


def test_files_of_a_run_folder(tmp_path):
    scaler = NumberScale([0.0, 0.0], [1.0, 1.0])
    preprocessor = FramesPreprocessor(["a", "\ud800"], True, ClipReader((1,), 2, 9), scaler, 12)
    write_folder(tmp_path / "run", preprocessor.files())
    again = FramesPreprocessor.load(tmp_path / "run")
    assert again.classes == preprocessor.classes and again.reading == preprocessor.reading
    assert vars(again.scaler) == vars(scaler) and (again.columns, again.per_frame) == (12, True)
    with pytest.raises(UserError, match=r"manifest\.json is missing"):
        FramesPreprocessor.load(tmp_path / "elsewhere")


def test_rows_and_frames():
    numbers = FramesPreprocessor(["a"], False, ClipReader((2,)), NumberScale([0.0] * 4, [1.0] * 4))
    clip = numbers.split_row(np.arange(6))
    assert clip.values.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert numbers.encode(clip).shape == (3, 4) and numbers.inputs == (4,)
    assert numbers.frame_description == "2 numbers per frame" and numbers.unit == "clips"
    pictures = FramesPreprocessor(["a"], True, ClipReader((1, 8, 4)))
    assert pictures.frame_description == "4 x 8 pixels in grey" and pictures.unit == "frames"
