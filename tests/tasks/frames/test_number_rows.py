"""Clips of numbers: one row per frame, or one row per clip."""

import numpy as np
import pytest

from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.frames.number_rows import (
    find_clocks,
    find_wide,
    guess_features,
    read_numbers,
    split_frames,
)
from unroll.tasks.frames.reader import read_data
from unroll.tasks.frames.settings import FramesSettings
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


def test_rows_of_short_clips_end_early(tmp_path):
    path = tmp_path / "wide.tsv"
    lines = [[k % 2 + 1, *[f"{j / 7 + k:.3f}" for j in range(12)]] for k in range(8)]
    for line, gap, count in ((lines[0], "NaN", 3), (lines[3], "", 5)):
        line[-count:] = [gap] * count
    lines[5][4] = "NaN"
    path.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
    wide = find_wide(path)
    assert wide is not None and (wide.label, wide.header) == (0, False)
    problems = Problems(skip=True)
    assert [len(values) for *_, values in wide.rows(problems)] == [9, 12, 12, 7, 12, 12, 12]
    assert "line 6: 'NaN' is not a finite number" in problems.messages()[1]
    assert (
        find_wide(path, columns=15) is not None
    )  # the longest row of other data has another length


@pytest.mark.parametrize(
    "one,other", [("1.0000000e+00", "3.0000000e+00"), ("2", "3"), ("walk", "run")]
)
def test_labels_of_archives(tmp_path, one, other):
    path = tmp_path / "a.csv"
    numbers = ",".join(f"{k / 7:.4f}" for k in range(1, 10))
    path.write_text(f"{one},{numbers}\n{other},{numbers}\n" * 6)
    assert find_wide(path).label == 0
    names = "".join(f"@attribute att{k} numeric\n" for k in range(9))
    (tmp_path / "a.arff").write_text(
        f"{names}@attribute target {{1,2}}\n@data\n" + f"{numbers},1\n{numbers},2\n" * 5
    )
    wide = find_wide(tmp_path / "a.arff")
    assert (wide.label, wide.header, wide.named) == (9, False, True)
    (tmp_path / "a.ts").write_text("@classLabel true a b\n@data\n" + "1,2:3,4:a\n5:6:b\n" * 9)
    wide = find_wide(tmp_path / "a.ts")
    assert [(word, len(v)) for _, word, v in wide.rows(Problems())][:2] == [("a", 4), ("b", 2)]
    names, clips = wide.names[:-1], [np.ones(4), np.ones(2)]
    assert guess_features(names, clips)[0] == 2


def test_a_row_that_ends_within_a_frame():
    assert split_frames(np.arange(6), 2).shape == (3, 2)
    with pytest.raises(BadClip, match="5 numbers, which do not make whole frames of 2"):
        split_frames(np.arange(5), 2)


def test_how_many_numbers_are_a_frame():
    draw = np.random.default_rng(0)
    paths = draw.normal(size=(20, 10, 3)).cumsum(1) + 10 * np.arange(3)
    assert guess_features(("",) * 30, list(paths.reshape(20, 30)))[0] == 3
    names = tuple(f"{axis}_{k}" for k in range(3) for axis in "xyz")
    assert guess_features(names, [np.zeros(9)]) == (3, "as the names of the columns repeat")


def test_columns_of_times_are_left_out(tmp_path):
    paths = [tmp_path / f"{n}.csv" for n in range(2)]
    for n, path in enumerate(paths):
        rows = [f"{100 * n + k},{k % 3},10:00:{k:02}" for k in range(15)]
        path.write_text("frame,x,clock\n" + "\n".join(rows))
    assert find_clocks(paths, None) == ([0, 2], ["frame", "clock"])
    assert find_clocks(paths, "x,frame") == ([2], [])
    with pytest.raises(UserError, match="--set columns got 'y'"):
        find_clocks(paths, "y")
    assert read_numbers(paths[0], None, [0, 2])[:2].tolist() == [[0], [1]]
    path.write_text("\n".join(f"{k},{k % 3}" for k in range(30)))
    assert find_clocks([path], None) == ([0], ["1"])


def test_long_rows_of_numbers_are_read_whole(tmp_path):
    lines = [",".join([f"n{k}" for k in range(500)] + ["label"])]
    lines += [",".join(["1.5"] * 499 + [str(row), "ab"[row % 2]]) for row in range(12)]
    (tmp_path / "long.csv").write_text("\n".join(lines) + "\n")
    for given, steps in ((None, 500), (400, 400)):
        settings = FramesSettings(features=1, longest=given)
        data = read_data(str(tmp_path / "long.csv"), settings, lambda share: None)
        assert set(data.train.lengths.tolist()) == {steps}
