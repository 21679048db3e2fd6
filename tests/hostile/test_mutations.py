"""200 random changes of a valid input of each reader: a result or a sentence, never a fault.

Many more: `python -m tests.hostile --count 10000`.
"""

import random
import shutil

import pytest

from tests.hostile.seeds import SEEDS
from tests.hostile.trial import attempt, mutated_copy
from unroll.run.data_check import check

COUNT = 200


@pytest.fixture(params=SEEDS)
def valid(request, tmp_path):
    """A reader's name, its seed, the folder of a valid input, and the name of the data there."""
    seed, folder = SEEDS[request.param], tmp_path / "valid"
    if seed.needs is not None:
        pytest.importorskip(seed.needs)
    folder.mkdir()
    return request.param, seed, folder, seed.make(folder)


def test_changed_inputs_end_in_a_result_or_a_sentence(valid, tmp_path, monkeypatch):
    name, seed, folder, data = valid
    faults = []
    for number in range(COUNT):
        draw = random.Random(f"{name} {number}")  # as the command draws: a number can be run again
        trial = tmp_path / "trial"
        mutated_copy(folder, trial, draw)
        monkeypatch.chdir(trial)
        outcome = attempt(seed, data, named=draw.random() < 0.7)
        if outcome.kind == "fault":
            faults.append(f"trial {number}: {outcome.detail}")
        monkeypatch.chdir(tmp_path)
        shutil.rmtree(trial)
    assert not faults, f"{len(faults)} of {COUNT}\n" + "\n".join(faults[:3])


def test_valid_inputs_are_read_whole(valid, monkeypatch):
    name, seed, folder, data = valid
    monkeypatch.chdir(folder)
    for task in (seed.task, None):
        facts = check(data, lambda sentence: None, task=task, **seed.settings)
        if task is None and facts["task"] != seed.task:
            assert name == "strokes"  # any table of paths, until a setting names the task
            continue
        assert facts[seed.counted] == seed.records
        assert not facts["problems"]


def test_removed_and_doubled_records_are_counted(valid, monkeypatch):
    """A change whose effect is known: the counts follow it exactly."""
    name, seed, folder, data = valid
    if not seed.between:
        pytest.skip("its records are not separated by lines")
    monkeypatch.chdir(folder)
    path, draw = folder / data, random.Random(name)
    lines = path.read_text().rstrip("\n").split("\n")
    head, records = lines[: seed.header], "\n".join(lines[seed.header :]).split(seed.between)
    assert len(records) == seed.records
    for _ in range(10):
        some = [record for record in records for _ in range(draw.choice([0, 1, 1, 1, 2]))]
        path.write_text("\n".join([*head, seed.between.join(some)]) + "\n")
        facts = check(data, lambda sentence: None, task=seed.task, **seed.settings)
        bad = facts.get("bad") or 0
        assert facts[seed.counted] + bad == len(some)
