"""Run folders from strangers: used or refused in a sentence, never a fault, never without an end.

`python -m benchmarks.foreign_runs --mutations 500` changes every run in more ways.
"""

import json
import random
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest

import unroll
from unroll.errors import UserError
from unroll.training.files import as_json

ROOT = Path(__file__).parents[1]
RUNS = ROOT / "tests" / "fixtures" / "runs"


@pytest.fixture
def foreign_runs(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    yield import_module("benchmarks.foreign_runs")
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["classify", "language-bpe", "forecast", "tag"])
def test_a_changed_run_is_used_or_refused(foreign_runs, name):
    told = {}
    for seed in range(15):
        file, what = foreign_runs.outcome(name, seed)
        if what not in ("used", "refused"):
            told[f"{seed} {file}"] = what
    assert not told


def test_changes_are_of_every_kind(foreign_runs):
    chance = random.Random(0)
    record = json.dumps({"a": [1, 2, {"b": None}]}).encode()
    assert len({foreign_runs.changed_json(record, chance) for _ in range(60)}) > 30


def copied(tmp_path, name):
    shutil.copytree(RUNS / name / "run", tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("name", ["model.safetensors", "vocabulary.json", "config.json"])
def test_a_manifest_that_does_not_list_a_file_loads_nothing(tmp_path, name):
    run = copied(tmp_path, "classify")
    manifest = json.loads((run / "manifest.json").read_bytes())
    del manifest[name]
    (run / "manifest.json").write_bytes(as_json(manifest))
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        unroll.load(run)
    (run / "manifest.json").write_bytes(b"{}")
    with pytest.raises(UserError, match=r"is not listed in manifest\.json|holds no"):
        unroll.load(run)


@pytest.mark.parametrize("name", ["model.safetensors", "classes.json", "vocabulary.json"])
def test_a_file_that_is_a_link_is_not_followed(tmp_path, name):
    run = copied(tmp_path, "classify")
    (run / name).rename(tmp_path / "elsewhere")
    (run / name).symlink_to(tmp_path / "elsewhere")
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match="symbolic link"):
        unroll.load(run)
