"""Clips to label: paths, folders, tables, and numbers as JSON."""

from pathlib import Path

import numpy as np
import pytest

from unroll.data.media_table import RunColumns
from unroll.errors import UserError
from unroll.tasks.frames.clips import ClipReader
from unroll.tasks.frames.inputs import ClipInput, parse_input, parse_numbers, read_inputs
from unroll.tasks.frames.preprocessor import FramesPreprocessor


def test_numbers_as_json():
    assert parse_numbers("[[1, 2], [3, 4]]", 2).tolist() == [[1, 2], [3, 4]]
    assert parse_numbers([1, 2, 3, 4], 2).tolist() == [[1, 2], [3, 4]]
    for value in ("[1, 2, 3]", "[]", "[NaN, 1]", "words", [["a", "b"]], None, {"a": 1}):
        assert parse_numbers(value, 2) is None


def test_an_input_is_a_path_or_numbers(gestures):
    numbers = gestures()[0].preprocessor
    found = parse_input("[[0, 0], [1, 1]]", numbers)
    assert found.name == "rows" and found.clip.total == 2 and parse_input(found, numbers) is found
    assert parse_input("gestures.csv", numbers) == ClipInput("gestures.csv")
    with pytest.raises(UserError, match="frames of 2 finite numbers as JSON"):
        parse_input("nothing", numbers)
    pictures = FramesPreprocessor(["a"], False, ClipReader((3, 16, 16)))
    with pytest.raises(UserError, match="expected the path of an existing clip"):
        parse_input("[[0, 0]]", pictures)


def test_rows_of_a_wide_table_with_labels_or_without(gestures, write_gestures):
    preprocessor = gestures()[0].preprocessor
    for labelled in (True, False):
        path = write_gestures("new.csv", 6, 5, labelled=labelled)
        found = list(read_inputs(path, preprocessor, RunColumns(), False))
        assert [each.name for each in found] == [f"row {k}" for k in range(1, 7)]
    assert found[0].clip.values.shape == (6, 2) and found[0].clip.values.dtype == np.float32
    with pytest.raises(UserError, match="is a folder; expected a table"):
        list(read_inputs(".", preprocessor, RunColumns(), False))


def test_a_folder_of_frames_is_a_clip(write_clips):
    preprocessor = FramesPreprocessor(["a"], False, ClipReader((3, 16, 16)))
    write_clips("still", 2, "folder", "")
    assert len(list(read_inputs("still", preprocessor, RunColumns(), False))) == 2
    assert list(read_inputs("still/1", preprocessor, RunColumns(), False)) == [ClipInput("still/1")]
    Path("nothing").mkdir()
    with pytest.raises(UserError, match="The folder nothing has no clip"):
        list(read_inputs("nothing", preprocessor, RunColumns(), False))
