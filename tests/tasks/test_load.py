"""A run folder is opened as what its task makes of it."""

import json

import pytest

import unroll
from unroll.errors import UserError
from unroll.run import LanguageRun
from unroll.tasks import TASKS
from unroll.tasks.run import Run
from unroll.training.files import as_json
from unroll.training.folder import FORMAT, RunFolder


def test_a_run_has_the_class_of_its_task(tmp_path):
    (tmp_path / "rose.txt").write_text("a rose is a rose is a rose. " * 100)
    options = {"steps": 1, "hidden": 4, "threads": 1, "backend": "loop", "quiet": True}
    unroll.train(tmp_path / "rose.txt", tmp_path / "run", **options)
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    run = unroll.load(moved)
    assert type(run) is LanguageRun and isinstance(run, Run) and run.path == moved
    assert not run.model.training
    assert json.loads((moved / "config.json").read_text())["task"] == "language"


def test_a_task_that_is_not_known_is_named_with_those_that_are(tmp_path):
    data = {"path": "song.txt", "sha256": "0" * 64, "validation_set": "the last tenth"}
    config = {"format": FORMAT, "unroll": "9", "torch": "9", "task": "juggle", "settings": {}}
    config["data"] = data
    RunFolder.create(tmp_path / "run", {"config.json": as_json(config)}, overwrite=False)
    with pytest.raises(
        UserError, match=f"of the task 'juggle'; this version knows {', '.join(TASKS)}"
    ):
        unroll.load(tmp_path / "run")


def test_what_is_no_run_and_a_device_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(UserError, match="There is no run folder"):
        unroll.load(tmp_path / "gone")
    with pytest.raises(UserError, match="is not a run folder"):
        unroll.load(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"cannot be read: .*manifest"):
        unroll.load(tmp_path / "run")
