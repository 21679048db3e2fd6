"""Small reviews that a classifier learns in seconds, and a run of it without the command line."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

import unroll
from unroll.tasks.base import Trained
from unroll.tasks.classify.settings import ClassifySettings
from unroll.tasks.classify.task import ClassifyTask
from unroll.training.folder import RunFolder
from unroll.training.optimizer import make_optimizer

GOOD = "lovely great wonderful bright".split()
BAD = "dull poor awful dim".split()
REST = "film a the story was actors with and of songs".split()


SMALL = {"hidden": 16, "embedding": 12, "cell": "gru", "floor": "none"}


def refuse_log(sentence):
    raise AssertionError(sentence)


def make_cell(input_size, hidden_size):
    return unroll.Recurrent("gru", input_size, hidden_size).cells[0]


@pytest.fixture
def write_reviews():
    """Writes a table of reviews, every other one good."""

    def write(path, count, seed=0):
        draw = np.random.default_rng(seed)
        with Path(path).open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["review", "stars"])
            for k in range(count):
                words = draw.choice(REST, draw.integers(1, 9)).tolist()
                words.insert(draw.integers(len(words) + 1), str(draw.choice((BAD, GOOD)[k % 2])))
                out.writerow([" ".join(words), ("poor", "fine")[k % 2]])
        return str(path)

    return write


@pytest.fixture
def begin():
    """Settings, data and network, as they are when training starts."""

    def begin(path, **given):
        task = ClassifyTask()
        settings = ClassifySettings(**{**SMALL, **given})
        settings = task.resolve_sizes(settings, make_cell)
        data = task.read(path, settings, refuse_log)
        if settings.floor != "none":
            data = task.fit_floor(data, settings, refuse_log)
        settings = task.resolve(settings, data)
        torch.manual_seed(settings.seed)
        return settings, data, task.build_network(settings, data.preprocessor, make_cell)

    return begin


@pytest.fixture
def train_run(begin, tmp_path):
    """A trained classifier with its folder, its data, and the loss of each step."""

    def train(path, steps=60, rate=0.02, **given):
        task = ClassifyTask()
        settings, data, network = begin(path, **given)
        objective = task.objective(network, data, settings, torch.device("cpu"))
        optimizer = make_optimizer(network, settings, rate)
        network.train()
        losses = []
        for number in range(steps):
            optimizer.zero_grad()
            batch = objective.batch(number)
            loss, state = batch.loss(None)
            assert state is None
            (loss / batch.tokens).backward()
            optimizer.step()
            losses.append(loss.item() / batch.tokens)
        folder = tmp_path / "run"
        RunFolder.create(folder, {**data.preprocessor.files(), **task.baseline_files(data)}, False)
        preprocessor = task.load_preprocessor(folder, {})
        trained = Trained(network, preprocessor, settings, torch.device("cpu"), folder)
        return trained, data, losses

    return train
