"""A run folder: made once, locked, checked, and read where older versions made it."""

import json

import pytest

from unroll.errors import UserError
from unroll.training.files import Damaged, as_json
from unroll.training.folder import FORMAT, RunFolder, read_baseline

CONFIG = {"format": FORMAT, "unroll": "0.1", "data": {"held_out": "the last tenth"}}


@pytest.fixture
def folder(tmp_path):
    files = {"config.json": as_json(CONFIG), "baseline.json": b"{}"}
    return RunFolder.create(tmp_path / "run", files, overwrite=False)


def test_an_old_name_of_the_validation_set_is_read(folder):
    assert folder.config()["data"] == {"validation_set": "the last tenth"}


def test_a_config_of_another_format_names_its_version(folder):
    folder.save({"config.json": as_json(CONFIG | {"format": 99})})
    with pytest.raises(
        UserError, match=r"is of format 99; .* the version of unroll that made it: 0\.1"
    ):
        folder.config()


def test_changes_of_the_config_are_saved(folder):
    folder.update_config(settings={"hidden": 3})
    assert RunFolder.open(folder.path).config()["settings"] == {"hidden": 3}
    folder.check()


def test_only_a_run_is_replaced_and_only_when_asked(folder, tmp_path):
    with pytest.raises(UserError, match="Continue it by --resume, replace it by --overwrite"):
        RunFolder.create(folder.path, {}, overwrite=False)
    RunFolder.create(folder.path, {"config.json": b"{}"}, overwrite=True)
    assert not (folder.path / "baseline.json").exists()
    (tmp_path / "mine").mkdir()
    RunFolder.check_free(tmp_path / "mine", overwrite=True)  # an empty folder
    (tmp_path / "mine" / "page.txt").write_text("mine")
    with pytest.raises(UserError, match="only replaces runs"):
        RunFolder.check_free(tmp_path / "mine", overwrite=True)
    with pytest.raises(UserError, match="cannot be made: "):
        RunFolder.create(tmp_path / "mine" / "page.txt" / "run", {}, overwrite=False)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="There is no run folder"):
        RunFolder.open(tmp_path / "gone")
    with pytest.raises(UserError, match=r"it has no config\.json"):
        RunFolder.open(tmp_path)


def test_damage_is_named_unless_it_is_looked_for_elsewhere(folder):
    (folder.path / "baseline.json").write_bytes(b"[]")
    with pytest.raises(Damaged, match=r"baseline\.json"):
        folder.check()
    folder.check(but={"baseline.json"})
    with pytest.raises(UserError, match="The baseline of the run is damaged"):
        read_baseline(folder.path, "baseline.json")


def test_one_process_trains_at_a_time(folder):
    other = RunFolder.open(folder.path)
    with folder.locked():
        with pytest.raises(UserError, match="Another process is training in"), other.locked():
            pass
    with other.locked():
        assert json.loads((folder.path / "config.json").read_bytes())["format"] == FORMAT
