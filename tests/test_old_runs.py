"""Run folders that earlier versions made still load, and give the results they gave."""

import json
import math
import shutil
from pathlib import Path

import pytest

import unroll

RUNS = Path(__file__).parent / "fixtures" / "runs"
FOLDERS = sorted(path.parent.name for path in RUNS.glob("*/expected.json"))
RESUMED = [
    name for name in FOLDERS if "resumed" in json.loads((RUNS / name / "expected.json").read_text())
]
NEEDED = {"caption": "PIL", "frames": "PIL", "music-midi": "mido", "transcribe": "soundfile"}

# What was renamed since: old name -> new name. Keys of results at any depth, metrics and baselines
# alike, and methods of a run.
RENAMED: dict[str, str] = {
    "held_out": "validation",
    "cut": "truncated",  # records longer than is read
    "bad": "skipped",  # bad records
    "left_out": "skipped",
    "thing": "record_name",
    "whole": "exact_match",
    "mistaken": "confusions",
    "told": "messages",
    "commonest": "most_frequent",
    "commonest caption": "most frequent caption",
}
METHODS: dict[str, str] = {}
# Keys whose values are sentences that may be reworded, or name the version of another package.
NOT_COMPARED = {"search", "told", "problems", "signature", "signatures"}


# What predictions had without being asked.
ASKED = {"classify": {"attributions": True}}


def differences(expected, found, where=""):
    """Where `found` is not what was expected, a sentence each; new keys are no difference."""
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            return [f"{where}: {found!r} is no dictionary"]
        wrong = []
        for old, value in expected.items():
            key = RENAMED.get(old, old)
            if key not in found:
                wrong.append(f"{where}: no {key!r} among {', '.join(found)}")
            elif old not in NOT_COMPARED:
                wrong += differences(value, found[key], f"{where}/{key}")
        return wrong
    if isinstance(expected, list):
        if not isinstance(found, (list, tuple)) or len(found) != len(expected):
            return [f"{where}: {found!r}, expected {expected!r}"]
        pairs = enumerate(zip(expected, found, strict=True))
        return [each for n, (old, new) in pairs for each in differences(old, new, f"{where}/{n}")]
    same = close(expected, found) if isinstance(expected, float) else expected == found
    return [] if same else [f"{where}: {found!r}, expected {expected!r}"]


def close(expected, found):
    """Kernels round differently on other processors; a rounded number may fall to the other side."""
    if not isinstance(found, (int, float)):
        return False
    is_rounded = round(expected, 4) == expected
    return math.isclose(found, expected, rel_tol=1e-4, abs_tol=1.1e-4 if is_rounded else 1e-6)


def called(run, call):
    method = METHODS.get(call["call"], call["call"])
    result = getattr(run, method)(*call["arguments"], **call["keywords"])
    if call["call"] == "predict_file":
        result = list(result)[: len(call["answer"])]
    return json.loads(json.dumps(result))


@pytest.fixture
def copied(request, tmp_path, monkeypatch):
    """The name of a folder, which is copied; the copy is the current folder."""
    if request.param in NEEDED:
        pytest.importorskip(NEEDED[request.param])
    shutil.copytree(RUNS / request.param, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return json.loads(Path("expected.json").read_text())


@pytest.mark.parametrize("copied", FOLDERS, indirect=True)
def test_an_old_run_gives_what_it_gave(copied):
    run = unroll.load("run", trust_code=copied["trust_code"])
    run.adjust(**ASKED.get(run.task_name, {}))
    with unroll.backend("loop"):  # nothing of this size is worth compiling
        wrong = [
            each
            for call in copied["calls"]
            for each in differences(call["answer"], called(run, call), call["call"])
        ]
        metrics = json.loads(json.dumps(run.evaluate(copied["data"])))
    wrong += differences(copied["evaluate"], metrics, "evaluate")
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("copied", RESUMED, indirect=True)
def test_an_old_run_resumes(copied):
    resumed = copied["resumed"]
    run = unroll.train(copied["data"], "run", resume=True, steps=resumed["steps"], quiet=True)
    assert run.result()["steps"] == resumed["steps"]
    *_, last = Path("run/metrics.jsonl").read_text().splitlines()
    assert not differences(resumed["last_metrics"], json.loads(last), "metrics.jsonl")


def test_every_task_has_an_old_run():
    tasks = {json.loads((RUNS / name / "run/config.json").read_text())["task"] for name in FOLDERS}
    assert len(tasks) == 9 and len(RESUMED) == 2


def test_differences_are_found(monkeypatch):
    old = {"loss": 1.0, "baselines": {"uniform": {"loss": 2.5}}, "text": ["a", 0.123456789]}
    new = json.loads(json.dumps(old))
    assert not differences(old, {**new, "new": 1})
    new["baselines"]["uniform"]["loss"] = 2.6
    new["text"] = ["b", 0.1235]
    assert len(differences(old, new)) == 3
    assert differences(old, {"loss": 1.0})
    monkeypatch.setitem(RENAMED, "loss", "nats")
    assert not differences(old, {**old, "nats": 1.0, "baselines": {"uniform": {"nats": 2.5}}})
