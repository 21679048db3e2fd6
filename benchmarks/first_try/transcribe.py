"""Spoken digits of a speaker who is left out: MFCC in 8 segments and a support vector machine.

The recordings are those of the Free Spoken Digit Dataset in ../shared/data, or in the folder that the
environment variable FREE_SPOKEN_DIGITS names; a speaker who is not among them is skipped.
"""

import csv
import os
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from scipy.fft import dct
from scipy.io import wavfile
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.first_try.row import Row, train_and_evaluate

SPEAKERS = "george jackson lucas nicolas theo yweweler".split()
WORDS = "zero one two three four five six seven eight nine".split()
SHARED = Path(__file__).parents[2] / "../shared/data/speech/free_spoken_digits/recordings"
RATE, FRAME, HOP, BANDS, COEFFICIENTS, SEGMENTS = 8000, 200, 80, 26, 13, 8


def mfcc(samples):
    """Mel-frequency cepstral coefficients [T, 13], as textbooks have them."""
    samples = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    samples = np.pad(samples, (0, max(0, FRAME - len(samples))))
    starts = np.arange(0, len(samples) - FRAME + 1, HOP)
    frames = samples[starts[:, None] + np.arange(FRAME)] * np.hamming(FRAME)
    power = np.abs(np.fft.rfft(frames, 256)) ** 2
    mels = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    f = np.linspace(0, RATE / 2, power.shape[1])
    rising = (f - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - f) / np.diff(edges)[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    return dct(np.log(power @ filters.T + 1e-10), norm="ortho")[:, :COEFFICIENTS]


def statistics(path):
    """The mean of each coefficient in 8 equal parts of a recording."""
    rate, samples = wavfile.read(path)
    if rate != RATE:
        raise ValueError(f"{path} has {rate} Hz")
    x = mfcc(samples / 32768)
    parts = np.array_split(np.repeat(x, max(1, -(-SEGMENTS // len(x))), 0), SEGMENTS)
    return np.concatenate([part.mean(0) for part in parts])


def recordings(speaker):
    """The files of a speaker, or of all others."""
    folder = Path(os.environ.get("FREE_SPOKEN_DIGITS", SHARED))
    own = sorted(folder.glob(f"?_{speaker}_*.wav"))
    if not own:
        raise FileNotFoundError(f"no recordings of {speaker} in {folder}")
    return sorted(set(folder.glob("*.wav")) - set(own)), own


def simple(train, test):
    """The word error of the support vector machine in percent, and its processor seconds."""
    began = time.process_time()
    x, z = (np.stack([statistics(path) for path in paths]) for paths in (train, test))
    y, right = ([path.name[0] for path in paths] for paths in (train, test))
    model = make_pipeline(StandardScaler(), SVC(C=10)).fit(x, y)
    error = 100 * float(np.mean(model.predict(z) != np.array(right)))
    return error, time.process_time() - began


def write(path, paths):
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "words", "speaker"])
        for each in paths:
            digit, speaker, _ = each.stem.split("_")
            table.writerow([each.resolve(), WORDS[int(digit)], speaker])


def left_out(speaker, seconds, seed):
    train, test = recordings(speaker)
    error, spent = simple(train, test)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "train.csv", train)
        write(folder / "test.csv", test)
        words = ["train.csv", "--audio", "path", "--text", "words"]
        found, took = train_and_evaluate(folder, words, "test.csv", seconds, seed)
    alone = {
        "network": 100 * found["network_alone"]["word_error"],
        "simple model": 100 * found["baselines"]["simple model"]["word_error"],
    }
    return Row(
        "word error, %",
        False,
        error,
        "MFCC in 8 segments and an SVM (scikit-learn)",
        spent,
        100 * found["word_error"],
        took,
        alone,
        len(test),
    )


ROWS = {f"spoken digits, {speaker} left out": partial(left_out, speaker) for speaker in SPEAKERS}
