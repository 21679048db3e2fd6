"""Files are whole or not there, and what is not whole is noticed and named."""

import errno
import json

import pytest

from unroll import saved_files
from unroll.saved_files import MANIFEST, Damaged, check_folder, read_whole
from unroll.training import files
from unroll.training.files import (
    as_json,
    update_manifest,
    write_folder,
    write_whole,
)

FILES = {"a.bin": bytes(range(256)), "b.json": b"{}", "c.txt": b""}


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path / "run", FILES)
    return tmp_path / "run"


def damage(folder):
    with pytest.raises(Damaged) as error:
        check_folder(folder)
    return str(error.value)


def content(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != MANIFEST}


def test_what_is_written_is_whole(folder):
    check_folder(folder)
    assert content(folder) == FILES
    assert [p.name for p in folder.parent.iterdir()] == ["run"]  # nothing temporary stays


@pytest.mark.parametrize("bit", [0, 1000, 2047])
def test_a_flipped_bit_is_noticed(folder, bit):
    wrong = bytearray(FILES["a.bin"])
    wrong[bit // 8] ^= 1 << bit % 8
    (folder / "a.bin").write_bytes(wrong)
    assert "a.bin is not what was saved" in damage(folder)
    check_folder(folder, only={"b.json"})


def test_a_cut_a_missing_and_swapped_files_are_noticed(folder):
    (folder / "a.bin").write_bytes(FILES["a.bin"][:-1])
    assert "a.bin is not what was saved" in damage(folder)
    (folder / "a.bin").unlink()
    assert "a.bin is missing" in damage(folder)
    (folder / "c.txt").rename(folder / "a.bin")
    (folder / "b.json").rename(folder / "c.txt")
    (folder / "a.bin").rename(folder / "b.json")
    (folder / "a.bin").write_bytes(FILES["a.bin"])
    assert "b.json is not what was saved" in damage(folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '{"a.bin": ', "\udcff", '{"a.bin": 7}', '{"a.bin": []}']
)
def test_a_manifest_that_is_not_whole_is_noticed(folder, text):
    (folder / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert MANIFEST in damage(folder) or "a.bin is not what was saved" in damage(folder)


def test_a_manifest_that_is_missing_or_a_folder_is_noticed(folder):
    (folder / MANIFEST).unlink()
    assert "manifest.json is missing" in damage(folder)
    (folder / MANIFEST).mkdir()
    assert MANIFEST in damage(folder)


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "..", ".", "", "sub/a", "a\0b", "\ud800", "a.bin/../a.bin"]
)
def test_names_that_lead_out_of_the_folder_are_refused(folder, name):
    (folder.parent / "secret").write_bytes(b"")
    (folder / MANIFEST).write_bytes(
        json.dumps({name: saved_files.sha256(folder / "c.txt")}).encode()
    )
    assert damage(folder)


def test_what_is_read_whole_is_what_was_saved(folder):
    assert read_whole(folder, "a.bin") == FILES["a.bin"]
    (folder / "a.bin").write_bytes(b"other")
    (folder / "new.bin").write_bytes(b"of unknown origin")
    (folder / "b.json").unlink()
    for name in ("a.bin", "new.bin", "b.json"):
        with pytest.raises(Damaged, match=name):
            read_whole(folder, name)


def test_a_folder_is_replaced_whole(folder):
    write_folder(folder, {"new": b"1"})
    check_folder(folder)
    assert content(folder) == {"new": b"1"} and len(list(folder.parent.iterdir())) == 1


class Crash(BaseException):
    """A kill."""


@pytest.fixture
def crash_at(monkeypatch):
    """Raise at the k-th file that is written whole."""

    def crash_at(k):
        calls = iter(range(1, 100))

        def crashing(path, content):
            if next(calls) == k:
                raise Crash
            write_whole(path, content)

        monkeypatch.setattr(files, "write_whole", crashing)

    return crash_at


NEW = {"a.bin": b"new", "d.txt": b"d", "c.txt": b"c"}


@pytest.mark.parametrize("first", range(1, 7))
@pytest.mark.parametrize("second", range(1, 7))
def test_a_replacement_can_be_killed_at_any_moment_and_again(folder, crash_at, first, second):
    for k, new in ((first, NEW), (second, {"a.bin": b"newer"})):
        before = content(folder)
        crash_at(k)
        try:
            update_manifest(folder, new)
        except Crash:
            pass
        else:
            assert k > len(new) + 2
        check_folder(folder)
        for name, there in content(folder).items():
            assert there in (before.get(name), new.get(name))
    crash_at(0)
    update_manifest(folder, {"b.json": b"[]"})
    check_folder(folder)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    assert all(isinstance(wanted, str) for wanted in manifest.values())


def test_a_replacement_is_whole_and_leaves_the_rest(folder):
    update_manifest(folder, NEW)
    check_folder(folder)
    assert content(folder) == FILES | NEW


def test_a_replacement_does_not_bless_other_damage(folder):
    (folder / "b.json").write_bytes(b"[]")
    update_manifest(folder, NEW)
    assert "b.json is not what was saved" in damage(folder)


def test_damage_after_a_kill_is_still_noticed(folder, crash_at):
    crash_at(2)
    with pytest.raises(Crash):
        update_manifest(folder, NEW)
    (folder / "a.bin").write_bytes(b"other")
    crash_at(0)
    update_manifest(folder, {"b.json": b"[]"})
    assert "a.bin is not what was saved" in damage(folder)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_whole(path, b"old")

    def broken(handle):
        raise OSError("no space left")

    monkeypatch.setattr(files.os, "fsync", broken)
    for write in (lambda: write_whole(path, b"new"), lambda: write_folder(path, {"x": b"y"})):
        with pytest.raises(OSError, match="no space"):
            write()
        assert [p.name for p in tmp_path.iterdir()] == ["a"] and path.read_bytes() == b"old"


def test_an_error_of_the_disk_names_the_file(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    for write, path in (
        (lambda: write_whole(tmp_path / "a", b""), "a"),
        (lambda: write_folder(tmp_path / "new", {"x": b""}), "new/x"),
        (lambda: update_manifest(tmp_path / "run", {"b": b""}), "run/b"),
    ):
        with pytest.raises(OSError, match="No space") as error:
            write()
        assert error.value.filename == str(tmp_path / path)


def test_json_is_written_for_people():
    assert as_json({"a": "é"}) == '{\n "a": "é"\n}\n'.encode()
