"""Sounds made of sines, and what a run reads of them."""

import csv

import numpy as np
import pytest

from unroll.cells import GRUCell
from unroll.tasks.transcribe.reader import read_data
from unroll.tasks.transcribe.settings import TranscribeSettings
from unroll.tasks.transcribe.task import TranscribeTask

PITCHES = {"low": 400.0, "high": 1500.0, "top": 3000.0}
RATE = 8000


def say(words, draw):
    """The samples of these words, each a tone."""
    parts = []
    for word in words:
        t = np.arange(int(RATE * draw.uniform(0.1, 0.14))) / RATE
        parts += [0.3 * np.sin(2 * np.pi * PITCHES[word] * t), np.zeros(int(RATE * 0.05))]
    samples = np.concatenate(parts)
    return samples + 0.001 * draw.standard_normal(len(samples))


@pytest.fixture(scope="session")
def write_speech():
    """Calls: folder, count -> the path of a table of sounds with their words and speakers.

    most: words in a sound; with one the texts are a closed set.
    """
    soundfile = pytest.importorskip("soundfile")

    def write(folder, count, seed=0, name="speech.csv", most=3):
        draw = np.random.default_rng(seed)
        rows = [["path", "words", "who"]]
        for k in range(count):
            words = draw.choice(list(PITCHES), draw.integers(1, most + 1)).tolist()
            soundfile.write(folder / f"{seed}_{k}.wav", say(words, draw), RATE)
            rows.append([f"{seed}_{k}.wav", " ".join(words), "ab"[k % 2]])
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        return str(folder / name)

    return write


@pytest.fixture(scope="session")
def write_sound():
    """Calls: path, words -> a sound file of these words."""
    soundfile = pytest.importorskip("soundfile")

    def write(path, words, seed=7):
        soundfile.write(path, say(words, np.random.default_rng(seed)), RATE)
        return str(path)

    return write


@pytest.fixture
def speech_data(tmp_path, write_speech):
    """Calls: settings by name -> 12 sounds as a run reads them, and settings with nothing open."""

    def prepare(count=12, most=3, **options):
        path = write_speech(tmp_path, count, most=most)
        settings = TranscribeSettings(**{"hidden": 8, "embedding": 8, "batch_size": 4} | options)
        task = TranscribeTask()
        settings = task.resolve_sizes(settings, GRUCell)
        data = read_data(path, settings)
        return data, task.resolve(settings, data)

    return prepare


@pytest.fixture
def untrained(speech_data, tmp_path):
    """Calls: settings by name -> data, settings and a network with its first weights."""

    def prepare(**options):
        data, settings = speech_data(**options)
        network = TranscribeTask().build_network(settings, data.preprocessor, GRUCell)
        return data, settings, network.eval()

    return prepare
