"""`unroll.train`: which way a run begins, and what is refused before anything is read."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import unroll
from unroll.errors import UserError


def test_resume_needs_a_folder_and_is_not_overwriting(place):
    with pytest.raises(UserError, match="--resume continues a run; name its folder by --out"):
        unroll.train("poems.txt", resume=True, quiet=True)
    with pytest.raises(UserError, match="both given; expected one of them"):
        unroll.train("poems.txt", "run", resume=True, overwrite=True, quiet=True)


def test_what_is_none_is_left_out_and_quiet_prints_nothing(place, small, capfd):
    run = unroll.train("poems.txt", "other", steps=1, seed=None, quiet=True, **small)
    assert run.recorded.seed == 1 and run.path.name == "other"
    assert capfd.readouterr() == ("", "")


def weights(run):
    return [(Path(run) / name).read_bytes() for name in ("model.safetensors", "metrics.jsonl")]


def without_seconds(run):
    model, metrics = weights(run)
    lines = [json.loads(line) for line in metrics.decode().splitlines()]
    return model, [{k: v for k, v in line.items() if "seconds" not in k} for line in lines]


def test_resume_starts_a_run_that_is_not_there_and_the_same_command_may_come_again(
    place, small, report
):
    command = {"steps": 3, "resume": True, "initialisation": "auto", **small, "backend": "auto"}
    unroll.train("poems.txt", "new", report=report, **command)
    assert "There is no run in new yet: a new one starts (--resume)." in report.text
    before = weights("new")
    again = unroll.train("poems.txt", "new", report=report, **command)
    assert "new has all of its 3 steps already." in report.text
    assert weights("new") == before and again.result()["steps"] == 3


def test_a_run_without_a_checkpoint_starts_at_step_0(place, small, report):
    command = {"steps": 5, "dropout": 0.5, "resume": True, **small}
    unroll.train("poems.txt", "whole", quiet=True, **command)
    unroll.train("poems.txt", "half", quiet=True, **{**command, "steps": 1})
    for path in sorted(Path("half/checkpoints").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    unroll.train("poems.txt", "half", report=report, **command)
    assert "half has no checkpoint: the run starts at step 0." in report.text
    assert without_seconds("half") == without_seconds("whole")


def test_threads_of_a_process_train_one_after_the_other_each_as_alone(place, small):
    def train(out):
        return unroll.train("poems.txt", out, steps=6, dropout=0.5, quiet=True, **small)

    train("alone")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(train, ("one", "two", "three")))
    for run in ("one", "two", "three"):
        assert without_seconds(run) == without_seconds("alone")


def test_trainings_that_start_at_once_each_get_a_folder(place):
    words = ["--steps", "2", "--hidden", "8", "--threads", "1", "--backend", "loop"]
    command = [sys.executable, "-m", "unroll", "train", "poems.txt", *words]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    told = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], told
    assert {path.name for path in Path("runs").iterdir()} == {"poems", "poems-2", "poems-3"}
    for run in Path("runs").iterdir():
        assert sum(f"Run folder: {run}\n" in each for each in told) == 1
        assert unroll.load(run).result()["steps"] == 2


def test_a_run_that_is_trained_is_not_overwritten(place, small):
    with unroll.load("run").folder.locked(), pytest.raises(UserError, match="Another process"):
        unroll.train("poems.txt", "run", overwrite=True, steps=1, quiet=True, **small)
    assert unroll.load("run").result()["steps"] == 4


def test_a_cell_file_that_is_named_and_the_same_needs_no_further_trust(place, small):
    Path("own.py").write_text("from unroll import LSTMCell\n\n\nclass Own(LSTMCell):\n    pass\n")
    command = {"steps": 2, "resume": True, **small, "cell": "own.py:Own"}
    unroll.train("poems.txt", "own", quiet=True, **command)
    unroll.train("poems.txt", "own", quiet=True, **{**command, "steps": 3})
    with pytest.raises(UserError, match="--trust-code"):
        unroll.train("poems.txt", "own", resume=True, quiet=True, steps=4)
