"""Lines made of single digits: the sets share none, the same seed gives the same bytes."""

import csv
import gzip
import runpy
from pathlib import Path

import numpy as np
import pytest

import unroll

pillow = pytest.importorskip("PIL.Image")
ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "handwriting.py"
DIGITS = ROOT.parent / "shared" / "data" / "sequential_image" / "mnist_10k"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the benchmarks are not there")


@pytest.fixture
def make(monkeypatch):
    """Runs the script."""

    def run(folder, out, *words):
        monkeypatch.setattr("sys.argv", ["handwriting.py", str(folder), str(out), *words])
        runpy.run_path(str(SCRIPT), run_name="__main__")

    return run


@pytest.fixture
def digits(tmp_path):
    """Ten thousand images in the files' own format: number and label stand in the first column."""
    numbers = np.arange(10_000)
    images = np.zeros((10_000, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 1, 0] = 1 + numbers // 200, 1 + numbers % 200
    labels = (numbers * 7 % 10).astype(np.uint8)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(
        gzip.compress(bytes(16) + images.tobytes())
    )
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + labels.tobytes()))
    return tmp_path


def lines(out, part):
    """The numbers of the digits of each line, their places, and the text."""
    for row in csv.DictReader((out / f"lines_{part}.csv").read_text().splitlines()):
        with pillow.open(out / row["path"]) as image:
            ink = 255 - np.asarray(image).astype(int)
        (starts,) = np.nonzero(ink[0])
        yield (ink[0, starts] - 1) * 200 + ink[1, starts] - 1, starts, ink.shape, row["text"]


def test_lines_and_parts(digits, make, capsys):
    for out in ("a", "b"):
        make(digits, digits / out, "--lines", "30", "10", "10")
    make(digits, digits / "c", "--lines", "30", "10", "10", "--seed", "1")
    output = capsys.readouterr().out
    assert "unroll train" in output and "--seconds 600" in output
    ends = {"train": (0, 8000), "valid": (8000, 9000), "test": (9000, 10_000)}
    for part, (first, end) in ends.items():
        found = list(lines(digits / "a", part))
        assert len(found) == (30 if part == "train" else 10)
        for numbers, starts, shape, text in found:
            assert text == "".join(str(n * 7 % 10) for n in numbers) and 3 <= len(text) <= 7
            assert (numbers >= first).all() and (numbers < end).all()
            gaps = np.diff([-28, *starts, shape[1]]) - 28
            assert shape[0] == 28 and (gaps >= 0).all() and (gaps <= 14).all()
    files = [sorted((digits / out).rglob("*.*")) for out in "abc"]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    assert [path.read_bytes() for path in files[0]] != [path.read_bytes() for path in files[2]]


@pytest.mark.real_data
@pytest.mark.skipif(not DIGITS.exists(), reason="needs ../shared/data")
def test_digits_side_by_side_are_read(tmp_path, make):
    make(DIGITS, tmp_path, "--lines", "3000", "100", "100")
    run = unroll.train(
        tmp_path / "lines_train.csv", tmp_path / "run", task="transcribe", image="path",
        text="text", valid=str(tmp_path / "lines_valid.csv"), epochs=3, threads=2, quiet=True,
    )  # fmt: skip
    assert run.evaluate(tmp_path / "lines_test.csv")["character_error"] < 0.15
