"""The 1,600 spoken digits: open files while reading, and the error rate after training."""

import csv
from pathlib import Path

import pytest

import unroll
from unroll.tasks.transcribe.batches import make_batch
from unroll.tasks.transcribe.reader import read_data
from unroll.tasks.transcribe.settings import TranscribeSettings

RECORDINGS = Path(__file__).parents[3] / "../shared/data/speech/free_spoken_digits/recordings"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not RECORDINGS.exists(), reason="needs ../shared/data"),
]
WORDS = "zero one two three four five six seven eight nine".split()


def tables(folder):
    paths = sorted(RECORDINGS.resolve().glob("*.wav"))
    for name, wanted in [("train", range(5, 100)), ("test", range(5))]:
        with (folder / f"{name}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["path", "words"])
            for path in paths:
                digit, _, take = path.stem.split("_")
                if int(take) in wanted:
                    table.writerow([path, WORDS[int(digit)]])
    return str(folder / "train.csv"), str(folder / "test.csv")


def test_no_file_stays_open(tmp_path):
    train, test = tables(tmp_path)
    opened = Path("/proc/self/fd")
    if not opened.exists():
        pytest.skip("needs /proc")
    before = len(list(opened.iterdir()))
    data = read_data(train, TranscribeSettings(valid=test))
    assert len(data.train) + len(data.valid) == 1600
    for first in range(0, len(data.train), 100):
        make_batch(data.train, list(range(first, min(first + 100, len(data.train)))))
        assert len(list(opened.iterdir())) <= before + 2
    assert data.preprocessor.units == "word" and data.preprocessor.subsample == 4


def test_digits_are_recognised(tmp_path):
    train, test = tables(tmp_path)
    run = unroll.train(train, tmp_path / "run", steps=400, threads=1, quiet=True)
    assert run.evaluate(test)["word_error"] < 0.15
