"""A run folder: made once, locked, checked, and read where older versions made it."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from unroll.errors import UserError
from unroll.saved_files import Damaged
from unroll.training.files import as_json
from unroll.training.folder import FORMAT, RunFolder, read_baseline
from unroll.training.lock import take_lock

DATA = {"path": "song.txt", "sha256": "0" * 64}
CONFIG = {
    "format": FORMAT,
    "unroll": "0.1",
    "torch": "2.0",
    "task": "language",
    "settings": {},
    "data": {**DATA, "held_out": "the last tenth"},
}


@pytest.fixture
def folder(tmp_path):
    files = {"config.json": as_json(CONFIG), "baseline.json": b"{}"}
    return RunFolder.create(tmp_path / "run", files, overwrite=False)


def test_an_old_name_of_the_validation_set_is_read(folder):
    assert folder.config()["data"] == {**DATA, "validation_set": "the last tenth"}


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


def put_something(path, kind):
    """In the place of a file: a link to a file, a link to nothing, a pipe or a folder."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path.parents[1] / ("mine" if kind == "link" else "none"))


KINDS = ("link", "link to nothing", "pipe", "folder")


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_is_no_file_is_refused_and_nothing_is_touched(folder, tmp_path, kind):
    (tmp_path / "mine").write_text("mine")
    (folder.path / ".lock").unlink()
    put_something(folder.path / ".lock", kind)
    with pytest.raises(UserError, match=r"\.lock is not a file; .* Delete it"), folder.locked():
        pass
    assert (tmp_path / "mine").read_text() == "mine" and not (tmp_path / "none").exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["config.json", "manifest.json"])
def test_a_file_of_a_run_is_not_read_through_links_or_pipes(folder, tmp_path, name, kind):
    (folder.path / name).rename(tmp_path / "mine")
    put_something(folder.path / name, kind)
    with pytest.raises(UserError, match=rf"{name} (cannot be read|is not a file)"):
        folder.config()


def test_checkpoints_elsewhere_are_refused_and_nothing_is_deleted_there(folder, tmp_path):
    (tmp_path / "mine" / ".old-photos").mkdir(parents=True)
    (tmp_path / "mine" / ".saving-1").mkdir()
    (folder.path / "checkpoints").symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match="checkpoints is a symbolic link"), folder.locked():
        pass
    assert len(list((tmp_path / "mine").iterdir())) == 2


def test_a_folder_in_the_place_of_a_file_is_named(folder):
    (folder.path / "README.md").mkdir()
    with pytest.raises(UserError, match=r"README\.md is a folder; .* Move it away"):
        folder.save({"README.md": b""})


def test_what_a_kill_left_is_dropped_and_nothing_else(folder, tmp_path):
    left = [".manifest.json-12ab34cd", ".config.json-_a1b2c3d", ".metrics.jsonl-00000000"]
    mine = [".notes.txt-12ab34cd", ".config.json-no", "config.json-12ab34cd", ".manifest.json-x"]
    for name in left + mine:
        (folder.path / name).touch()
    for name in (".unroll-new-12ab34cd", ".unroll-old-12ab34cd", ".unroll-new-mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".lock").touch()
    (tmp_path / ".unroll-new-00000000").mkdir()  # one that a process is just making
    with take_lock(tmp_path / ".unroll-old-12ab34cd"), folder.locked():
        assert not (tmp_path / ".unroll-new-12ab34cd").exists()
    there = {path.name for path in folder.path.iterdir()}
    assert there == {*mine, "config.json", "baseline.json", "manifest.json", ".lock"}
    rest = {".unroll-old-12ab34cd", ".unroll-new-mine", ".unroll-new-00000000", "run"}
    assert {path.name for path in tmp_path.iterdir()} == rest


def test_a_run_that_is_trained_is_not_replaced(folder):
    with folder.locked(), pytest.raises(UserError, match="Another process is training in"):
        RunFolder.create(folder.path, {"config.json": b"{}"}, overwrite=True)
    assert (folder.path / "baseline.json").exists()
    assert [path.name for path in folder.path.parent.iterdir()] == ["run"]


def test_runs_that_start_at_once_get_names_of_their_own(tmp_path):
    folders = [RunFolder(tmp_path / "run") for _ in range(8)]

    def publish(folder):
        with folder.published({"config.json": b"{}"}, ("step-0", {"a": b""}), numbered=True):
            return folder.path.name

    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(publish, folders))
    assert names == {"run", *(f"run-{n}" for n in range(2, 9))}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert (tmp_path / "run-8" / "checkpoints" / "step-0" / "manifest.json").exists()


def test_a_link_to_a_run_stays_a_link_when_the_run_is_replaced(folder, tmp_path):
    (tmp_path / "latest").symlink_to(folder.path)
    RunFolder.create(tmp_path / "latest", {"config.json": b"{}"}, overwrite=True)
    assert (tmp_path / "latest").is_symlink() and not (folder.path / "baseline.json").exists()


@pytest.mark.parametrize("mask", [0o077, 0o022])
def test_the_umask_is_kept(tmp_path, mask):
    before = os.umask(mask)
    try:
        folder = RunFolder(tmp_path / "run")
        with folder.published({"config.json": b"{}"}, ("step-0", {"a": b""})):
            folder.save({"README.md": b""})
    finally:
        os.umask(before)
    for path in [folder.path, *folder.path.rglob("*")]:
        full = 0o777 if path.is_dir() else 0o666
        assert path.stat().st_mode & 0o777 == full & ~mask, path


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "a/" + "y" * 400])
def test_a_name_that_no_folder_can_have_is_refused(tmp_path, name):
    for use in (RunFolder.open, lambda path: RunFolder.create(path, {}, False)):
        with pytest.raises(UserError, match="cannot be the path of a run folder") as error:
            use(tmp_path / name)
        assert len(str(error.value)) < 300


def test_one_process_trains_at_a_time(folder):
    other = RunFolder.open(folder.path)
    with folder.locked():
        with pytest.raises(UserError, match="Another process is training in"), other.locked():
            pass
    with other.locked():
        assert json.loads((folder.path / "config.json").read_bytes())["format"] == FORMAT
