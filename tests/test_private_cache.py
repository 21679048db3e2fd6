"""Seals and private folders, which both caches share."""

import pytest

from unroll.private_cache import (
    CacheError,
    check_folders,
    home,
    make_folders,
    sealed,
    unroll_folder,
    unsealed,
)


def test_only_what_was_sealed_under_the_name_comes_back(tmp_path, caplog):
    path = tmp_path / "a"
    assert unsealed(path) is None and not caplog.text
    path.write_bytes(sealed(b"content", "a"))
    path.chmod(0o600)
    assert unsealed(path) == unsealed(path, "a") == b"content"
    assert unsealed(path, "b", "written") is None and "a is written again" in caplog.text
    path.chmod(0o622)
    assert unsealed(path) is None and "other users can write to it" in caplog.text
    (tmp_path / "folder").mkdir()
    assert unsealed(tmp_path / "folder") is None and "it is not a file" in caplog.text


def test_folders_are_made_for_this_user_alone(tmp_path):
    folders = (tmp_path / "unroll", tmp_path / "unroll" / "tokens")
    make_folders(folders)
    check_folders(folders)
    assert all(path.stat().st_mode & 0o777 == 0o700 for path in folders)
    folders[0].chmod(0o770)
    with pytest.raises(CacheError, match="can be written to by other users"):
        check_folders(folders)
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="cannot be created"):
        make_folders((tmp_path / "file" / "unroll",))


def test_a_home_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    with pytest.raises(CacheError, match="none does not exist"):
        home()
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(CacheError):
        unroll_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert unroll_folder() == tmp_path / "cache" / "unroll"
