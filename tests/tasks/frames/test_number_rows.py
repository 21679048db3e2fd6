"""Clips of numbers: one row per frame, or one row per clip."""

import numpy as np
import pytest

from unroll.data.problems import Problems
from unroll.tasks.frames.number_rows import find_wide, guess_features, read_numbers
from unroll.tasks.frames.video import BadClip


def test_rows_of_numbers(tmp_path):
    path = tmp_path / "hand.csv"
    path.write_text("x,y\n1,2\n3,4\n5,6\n")
    assert read_numbers(path).tolist() == [[1, 2], [3, 4], [5, 6]]
    for text, sentence in {
        "1,2\n3\n": "hand.csv, line 2: 1 column where 2 are expected",
        "1,2\n3,a\n": "hand.csv, line 2: 'a' is not a finite number",
        "1,2\n3,nan\n": "'nan' is not a finite number",
        "x,y\n": "has no row of numbers",
    }.items():
        path.write_text(text)
        with pytest.raises(BadClip, match=sentence):
            read_numbers(path, 2)


def test_a_wide_table(tmp_path):
    path = tmp_path / "wide.csv"
    rows = [[k % 2, *np.round(np.arange(8) / 7 + k, 3)] for k in range(6)]
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n1,2\n")
    wide = find_wide(path)
    assert wide is not None and wide.label == 0 and wide.width == 9 and not wide.header
    problems = Problems(skip=True)
    assert len(list(wide.rows(problems))) == 6 and problems.count == 1
    assert "line 7: 2 columns where 9 are expected" in problems.messages()[1]
    assert find_wide(path, columns=9).label is None
    (tmp_path / "clips.csv").write_text("path,action\na.mp4,walk\nb.mp4,run\n")
    assert find_wide(tmp_path / "clips.csv") is None


def test_how_many_numbers_are_a_frame():
    draw = np.random.default_rng(0)
    paths = draw.normal(size=(20, 10, 3)).cumsum(1) + 10 * np.arange(3)
    assert guess_features(("",) * 30, paths.reshape(20, 30))[0] == 3
    names = tuple(f"{axis}_{k}" for k in range(3) for axis in "xyz")
    assert guess_features(names, np.zeros((1, 9))) == (3, "as the names of the columns repeat")
