"""Sequences of numbers: a table each in a folder for each class, or one long table."""

import numpy as np
import pytest

from unroll.data.problems import Problems
from unroll.data.series import Scaler, clock_columns, folder_columns, folder_sequences
from unroll.errors import UserError
from unroll.tasks.classify.settings import ClassifySettings
from unroll.tasks.classify.source import find_source

LONG = """id,time,x,y,kind
a,0,1,2,up
a,1,3,4,up
b,0,5,6,down
b,1,7,8,down
b,2,9,10,down
"""


def sequences(path, skip=False, **given):
    problems = Problems(skip)
    source = find_source(path, ClassifySettings(**given))
    return [(r.value.tolist(), *r.labels) for r in source.read(problems)], problems, source


def test_one_long_table(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text(LONG)
    found, _, source = sequences(path, id="id", columns="x,y")
    assert found == [([[1, 2], [3, 4]], "up"), ([[5, 6], [7, 8], [9, 10]], "down")]
    assert source.number_columns == ("x", "y") and source.label == "kind"
    assert sequences(path, id="id", label="kind")[2].number_columns == ("time", "x", "y")


def test_a_folder_for_each_class(tmp_path):
    for name, rows in (("up/1", "x,y\n1,2\n3,4\n"), ("up/2", "5,6\n"), ("down/1", "x,y\n7,8\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.csv").write_text(rows)
    found, _, source = sequences(tmp_path)
    assert found == [([[7, 8]], "down"), ([[1, 2], [3, 4]], "up"), ([[5, 6]], "up")]
    assert source.number_columns == ("x", "y")


BAD = [
    ("b,2,9,x,down", "line 6: 'x' in column y is not a finite number"),
    ("b,2,9,inf,down", "line 6: 'inf' in column y"),
    ("b,2,9,,down", "line 6: no y"),
    ("b,2,9,10,up", "line 6: the label differs from 'down', that of the first row"),
    ("a,2,9,10,up", "line 6: id 'a' occurs again"),
    ("c,2,9,10,", "line 6: no label"),
    (",2,9,10,up", "line 6: no id"),
]


@pytest.mark.parametrize("row,expected", BAD)
def test_a_bad_row_is_told_and_its_sequence_left_out(tmp_path, row, expected):
    path = tmp_path / "long.csv"
    path.write_text(LONG.replace("b,2,9,10,down", row) + "z,0,1,1,up\n")
    with pytest.raises(UserError, match=expected):
        sequences(path, id="id", columns="x,y")
    found, problems, _ = sequences(path, skip=True, id="id", columns="x,y")
    assert problems.count == 1
    assert found[0] == ([[1, 2], [3, 4]], "up") and found[-1] == ([[1, 1]], "up")


@pytest.mark.parametrize(
    "rows,expected",
    [
        ("1,2\n3\n", "line 2: 1 columns where 2 are expected"),
        ("1,2\n3,4,5\n", "line 2: 3 columns where 2 are expected"),
        ("1,2\n3,x\n", "line 2: 'x' in column 2 is not a finite number"),
        ("\n", "no row of numbers"),
    ],
)
def test_a_bad_table_of_a_folder_is_told(tmp_path, rows, expected):
    for name, content in (("a/1.csv", "5,6\n"), ("b/1.csv", rows), ("b/2.csv", "7,8\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=expected):
        sequences(tmp_path)
    found, problems, _ = sequences(tmp_path, skip=True)
    assert found == [([[5, 6]], "a"), ([[7, 8]], "b")] and problems.count == 1


def test_a_column_of_words_is_refused(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text(LONG.replace("1,3,4", "1,3,4").replace("a,0,", "a,zero,"))
    with pytest.raises(UserError, match=r"column time does not hold numbers.*--set columns=a,b"):
        find_source(path, ClassifySettings(id="id"))


def test_scales_are_those_of_numpy():
    draw = np.random.default_rng(0)
    parts = [draw.normal(3, 5, (n, 2)) for n in (1, 7, 40)]
    scaler = Scaler.learn(["x", "y"], parts)
    whole = np.concatenate(parts)
    assert scaler.mean == pytest.approx(whole.mean(0).tolist(), rel=1e-12)
    assert scaler.deviation == pytest.approx(whole.std(0).tolist(), rel=1e-12)
    still = Scaler.learn(["x"], [np.full((5, 1), 4.0)])
    assert still(np.array([[4.0], [5.0]])).tolist() == [[0.0], [1.0]]


def write_recordings(folder, header="timestamp,x,y\n", times=str, files=2):
    for label in ("walk", "run"):
        (folder / label).mkdir(parents=True)
        for n in range(files):
            rows = [f"{times(1000 * n + k)},{k % 3}.5,{(k * 7) % 5}" for k in range(15)]
            (folder / label / f"{n}.csv").write_text(header + "\n".join(rows))
    return folder


def clock(k):
    return f"2024-01-01 10:{k // 60 % 60:02}:{k % 60:02}"


@pytest.mark.parametrize("times", [str, clock])
@pytest.mark.parametrize("header,names", [("timestamp,x,y\n", ["x", "y"]), ("", ["2", "3"])])
def test_a_column_of_times_is_left_out_of_the_numbers(tmp_path, times, header, names):
    folder = write_recordings(tmp_path / "all", header, times)
    kept, out = folder_columns(folder)
    assert kept == names and out == ["timestamp" if header else "1"]
    record = next(folder_sequences(folder, kept, Problems()))
    assert record.value[:2].tolist() == [[0.5, 0.0], [1.5, 2.0]]
    if times is str:
        wanted = ["timestamp", "x"] if header else ["1", "2"]
        assert folder_columns(folder, wanted) == (wanted, [])


def test_what_grows_in_some_sequences_or_in_few_rows_is_measured():
    up, down = ([[str(k), str(s * k)] for k in range(30)] for s in (1, -1))
    assert clock_columns([up, down], range(2)) == [0]
    assert clock_columns([up], range(2)) == []  # nothing else is there
    assert clock_columns([down[:5]], range(2)) == []
