"""A new run: where it goes, what it records, and one backend for all of it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.run import new_run


def test_the_folder_has_the_name_of_the_data():
    assert new_run.default_folder("poems") == Path("runs/poems")
    assert len(new_run.default_folder("é" * 150).name.encode()) == 200


def test_the_config_records_versions_task_settings_and_data(trained):
    config = json.loads((trained.folder / "run" / "config.json").read_text())
    assert (config["task"], config["torch"]) == ("language", torch.__version__)
    assert config["settings"]["hidden"] == 8 and config["settings"]["backend"] == "loop"
    data = config["data"]
    assert data["path"] == str(trained.folder / "poems.txt") and len(data["sha256"]) == 64
    assert data["validation_set"].startswith("the last")
    names = {path.name for path in (trained.folder / "run").iterdir()}
    assert {"model.safetensors", "vocabulary.json", "README.md", "manifest.json"} <= names


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_stays_is_refused_before_data_is_read(place, monkeypatch, overwrite):
    Path("notes").mkdir()
    Path("notes/page.txt").write_text("mine")
    monkeypatch.setattr(new_run, "choose_cell", lambda *_: pytest.fail("too late"))
    word = "not a run folder" if overwrite else "exists already"
    with pytest.raises(UserError, match=word):
        unroll.train("poems.txt", "notes", overwrite=overwrite, steps=1, quiet=True)
    assert Path("notes/page.txt").read_text() == "mine"


def test_overwriting_replaces_the_run(place, small):
    run = unroll.train("poems.txt", "run", overwrite=True, steps=2, quiet=True, **small)
    assert run.result()["steps"] == 2


@pytest.mark.parametrize(
    ("chosen", "backend"), [(["cpu", "cpu"], "cpu"), (["cpu", "loop"], "auto")]
)
def test_layers_on_one_backend_keep_it_for_the_run(monkeypatch, chosen, backend):
    monkeypatch.setattr(new_run, "chosen_backends", lambda network, ragged: chosen)
    objective = SimpleNamespace(model=None, batch=lambda number: SimpleNamespace(ragged=False))
    settings = SimpleNamespace(backend="auto")
    assert new_run.single_backend(objective, settings) == backend
