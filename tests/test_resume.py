"""Real processes, really killed: a resumed run ends where an uninterrupted one does, to the bit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

TEXT = "".join(f"line {n} of a song that goes {n * n} on and on\n" for n in range(400))
SETTINGS = ["--hidden", "24", "--threads", "1", "--set", "checkpoint_every=20"]
SETTINGS += ["--set", "evaluate_every=50", "--set", "batch_size=4", "--set", "block=16"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "song.txt").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*words, data="song.txt"):
    return [sys.executable, "-m", "unroll", "train", data, *words]


def train(*words, data="song.txt"):
    return subprocess.run(command(*words, data=data), capture_output=True, text=True, check=False)


def weights(run: Path):
    last = sorted((run / "checkpoints").iterdir())[-1]
    return (last / "model.safetensors").read_bytes(), (run / "model.safetensors").read_bytes()


def losses(run: Path):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if "seconds" not in k} for line in lines]


def started(run: Path, step: int, *words, data="song.txt"):
    """A process that has passed this step, by its metrics."""
    process = subprocess.Popen(
        command(*words, data=data), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (run / "metrics.jsonl").exists() and losses(run) and losses(run)[-1]["step"] >= step:
            return process
        time.sleep(0.01)
    process.kill()
    raise AssertionError(f"the run never passed step {step}: {process.communicate()[0]!r}")


@pytest.mark.parametrize(
    ("how", "layout"),
    [
        (signal.SIGKILL, []),
        (signal.SIGTERM, []),
        (signal.SIGINT, []),
        (signal.SIGKILL, ["--per-line"]),
        (signal.SIGKILL, ["--cell", "gru", "--set", "optimizer=sgd", "--layers", "2"]),
        (signal.SIGKILL, ["--cell", "gru", "--set", "block=4", "--set", "online=snap1"]),
    ],
)
def test_stopped_and_resumed_is_bit_identical_to_one_go(place, how, layout):
    words = ["--steps", "400", *SETTINGS, *layout]
    assert train("--out", "whole", *words).returncode == 0
    process = started(place / "half", 100, "--out", "half", *words)
    process.send_signal(how)
    process.communicate()
    if how != signal.SIGKILL:
        assert process.returncode == 0
    stopped = losses(place / "half")[-1]["step"]
    assert stopped < 400, "the run was over before it was stopped"

    resumed = train("--out", "half", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "Resuming at step" in resumed.stderr
    assert weights(place / "half") == weights(place / "whole")
    assert losses(place / "half") == losses(place / "whole")


OTHERS = {
    "classify": (
        "reviews.csv",
        "text,label\n" + "".join(f"take {n} of film {n * n},{'ab'[n % 2]}\n" for n in range(200)),
    ),
    "tag": (
        "names.conll",
        "".join(f"in\tO\nCity{n}\tB-place\nNorth\tI-place\n.\tO\n\n" for n in range(200)),
    ),
    "translate": (
        "numbers.tsv",
        "".join(f"{n} {n * n}\tthe {n} and {n * n}\n" for n in range(200)),
    ),
    "music": (
        "tunes.abc",
        "".join(f"X:{n}\nM:3/4\nK:{'GDA'[n % 3]}\nG{n % 7} A2|B{n % 5}c|\n" for n in range(100)),
    ),
    "frames": (
        "gestures.csv",
        "".join(f"{n % 2},{','.join(str(n * k % 9 / 8) for k in range(12))}\n" for n in range(200)),
    ),
    "caption": (
        "squares.csv",
        "image,caption\n"
        + "".join(f"{n % 8}.png,square {n % 8} is {n * n % 7} dark\n" for n in range(200)),
    ),
}


@pytest.mark.parametrize("task", OTHERS)
def test_a_killed_run_of_another_task_is_bit_identical_to_one_go(tmp_path, monkeypatch, task):
    monkeypatch.chdir(tmp_path)
    data, content = OTHERS[task]
    Path(data).write_text(content)
    if task == "caption":
        for n in range(8):
            Image.new("RGB", (16, 16), (31 * n, 0, 0)).save(f"{n}.png")
    words = ["--steps", "120", "--hidden", "12", "--threads", "1", "--set", "batch_size=4"]
    words += ["--set", "checkpoint_every=15", "--set", "evaluate_every=50"]
    whole, half = tmp_path / "whole", tmp_path / "half"
    done = train("--out", "whole", *words, data=data)
    assert done.returncode == 0, done.stderr
    assert json.loads((whole / "config.json").read_text())["task"] == task
    process = started(half, 40, "--out", "half", *words, data=data)
    process.kill()
    process.communicate()
    assert losses(half)[-1]["step"] < 120, "the run was over before it was killed"
    resumed = train("--out", "half", "--resume", data=data)
    assert resumed.returncode == 0, resumed.stderr
    assert weights(half) == weights(whole) and losses(half) == losses(whole)
    results = [json.loads((run / "result.json").read_text()) for run in (half, whole)]
    for result in results:
        del result["seconds"], result["time"]
    assert results[0] == results[1]


def test_steps_are_a_total_that_a_resume_may_raise(place):
    assert train("--out", "run", "--steps", "20", *SETTINGS).returncode == 0
    assert train("--out", "run", "--resume", "--steps", "30").returncode == 0
    assert losses(place / "run")[-1]["step"] == 30


def test_seconds_are_added_by_a_resume(place):
    assert train("--out", "run", "--seconds", "1", *SETTINGS).returncode == 0
    before = losses(place / "run")[-1]["step"]
    done = train("--out", "run", "--resume", "--seconds", "1")
    assert done.returncode == 0, done.stderr
    assert losses(place / "run")[-1]["step"] > before


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(place):
    assert train("--out", "run", "--steps", "40", *SETTINGS).returncode == 0
    older, newest = sorted((place / "run" / "checkpoints").iterdir())
    content = bytearray((newest / "model.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    (newest / "model.safetensors").write_bytes(content)

    done = train("--out", "run", "--resume", "--steps", "60")
    assert done.returncode == 0
    assert newest.name in done.stderr and "SHA-256" in done.stderr
    assert f"from {older.name}" in done.stderr


def test_a_resumed_run_keeps_its_settings_threads_and_backend(place):
    assert train("--out", "run", "--steps", "20", *SETTINGS).returncode == 0
    refused = train("--out", "run", "--resume", "--steps", "30", "--hidden", "48")
    assert refused.returncode == 2 and "hidden=24" in refused.stderr
    config = json.loads((place / "run" / "config.json").read_text())
    assert config["settings"]["threads"] == 1 and config["settings"]["backend"] == "torch"


def test_another_text_is_refused_on_resume(place):
    assert train("--out", "run", "--steps", "20", *SETTINGS).returncode == 0
    (place / "song.txt").write_text(TEXT + "changed")
    refused = train("--out", "run", "--resume", "--steps", "30")
    assert refused.returncode == 2 and "SHA-256" in refused.stderr


def test_two_processes_do_not_train_in_one_folder(place):
    process = started(place / "run", 10, "--out", "run", "--steps", "100000", *SETTINGS)
    try:
        refused = train("--out", "run", "--resume")
        assert refused.returncode == 2 and "Another process" in refused.stderr
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
