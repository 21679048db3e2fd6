"""The lock of a run folder: held by one, found free after its holder, and gone with its folder."""

import pytest

from unroll.errors import UserError
from unroll.training.lock import take_lock, try_lock


def test_a_lock_is_held_by_one_and_free_again(tmp_path):
    (tmp_path / ".lock").write_text("kept")
    with take_lock(tmp_path):
        with try_lock(tmp_path) as free:
            assert not free
        with (
            pytest.raises(UserError, match="Another process is training in the run"),
            take_lock(tmp_path, "the run"),
        ):
            pass
    with try_lock(tmp_path) as free:
        assert free
    assert (tmp_path / ".lock").read_text() == "kept"


def test_the_lock_of_a_folder_that_was_replaced_meanwhile_does_not_count(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()

    def replaced(handle, how):
        (tmp_path / "run" / ".lock").unlink()
        (tmp_path / "run" / ".lock").touch()

    monkeypatch.setattr("unroll.training.lock.fcntl.flock", replaced)
    with pytest.raises(UserError, match="Another process"), take_lock(tmp_path / "run"):
        pass


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(handle, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("unroll.training.lock.fcntl.flock", refuse)
    with pytest.raises(UserError, match="cannot be locked"), take_lock(tmp_path):
        pass


def test_where_no_lock_can_be_made_it_is_not_free(tmp_path):
    with try_lock(tmp_path / "gone") as free:
        assert not free
