"""The cache on disk: private, sealed, and refused where others could write to it."""

import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from unroll.engine.cpu import build
from unroll.engine.cpu.build_error import BuildError
from unroll.engine.cpu.cache import LEFT_OVER, WORKPLACE

from .builds import CXX, answer, assert_one_sentence, fresh, needs_a_compiler, refused, the_object

pytestmark = pytest.mark.usefixtures("cache")


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


@needs_a_compiler
def test_what_is_made_is_private(tmp_path, monkeypatch):
    monkeypatch.delenv("UNROLL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "made" / "cache"))
    before = os.umask(0)
    try:
        assert build.unavailable() is None
        assert not (tmp_path / "made").exists()
        build.load(answer(1))
    finally:
        os.umask(before)
    folder = tmp_path / "made" / "cache" / "unroll" / "kernels"
    for path in (folder, *list(folder.parents)[:3]):
        assert mode(path) == 0o700
    modes = {path.suffix: mode(path) for path in folder.iterdir()}
    assert modes == {".so": 0o700, ".cpp": 0o600, "": 0o600}
    assert the_object(folder).with_suffix(".cpp").read_text() == answer(1)


@needs_a_compiler
def test_a_cache_that_all_can_read_will_do(tmp_path, monkeypatch):
    monkeypatch.delenv("UNROLL_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cache" / "unroll").mkdir(parents=True, mode=0o755)
    (tmp_path / ".cache").chmod(0o775)
    (tmp_path / ".cache" / "unroll").chmod(0o755)
    assert build.load(answer(1)).answer() == 1
    the_object(tmp_path / ".cache" / "unroll" / "kernels")


@needs_a_compiler
def test_old_left_overs_are_removed_and_young_ones_stay(cache):
    cache.mkdir(mode=0o700)
    for name, age in (("old", 2 * LEFT_OVER), ("young", 60)):
        left = cache / f"{WORKPLACE}{name}"
        left.mkdir()
        (left / "kernel.so").write_bytes(b"half")
        os.utime(left, (time.time() - age,) * 2)
    assert build.load(answer(1)).answer() == 1
    assert [path.name for path in cache.glob(".*")] == [f"{WORKPLACE}young"]


def truncate(path, other):
    path.write_bytes(path.read_bytes()[:-100])


def truncate_by_one(path, other):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path, other):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def flip_in_the_seal(path, other):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def append(path, other):
    path.write_bytes(path.read_bytes() + b"\0")


def empty(path, other):
    path.write_bytes(b"")


def foreign(path, other):
    path.write_bytes(other.read_bytes())


def link(path, other):
    whole = path.rename(path.with_name("elsewhere"))
    path.symlink_to(whole)


def pipe(path, other):
    path.unlink()
    os.mkfifo(path)


def writable_by_others(path, other):
    path.chmod(0o722)


HARM = [truncate, truncate_by_one, flip, flip_in_the_seal, append, empty, foreign, link, pipe]


@needs_a_compiler
@pytest.mark.parametrize("harm", [*HARM, writable_by_others], ids=lambda harm: harm.__name__)
def test_a_harmed_object_is_built_again_and_never_loaded(cache, runs, tmp_path, harm):
    assert fresh(answer(11))[0] == 11
    path = the_object(cache)
    kept = path.rename(tmp_path / "kept")
    assert fresh(answer(12))[0] == 12
    other = the_object(cache).rename(tmp_path / "other")
    shutil.copy2(kept, path)
    harm(path, other)
    before = len(runs())
    value, _, logged = fresh(answer(11))
    assert value == 11
    assert f"{path} is built again" in logged
    assert len(runs()) == before + 1
    assert stat.S_ISREG(path.lstat().st_mode) and mode(path) == 0o700
    assert fresh(answer(11))[::2] == (11, "")
    assert len(runs()) == before + 1


@needs_a_compiler
def test_a_cache_that_others_can_write_to_is_refused(cache):
    for bits in (0o777, 0o770, 0o702):
        cache.mkdir()
        cache.chmod(bits)
        build._reasons.clear()
        said = refused()
        assert f"{cache} can be written to by other users; run `chmod go-w` on it" in said
        cache.rmdir()


@needs_a_compiler
def test_the_folder_around_it_is_looked_at_too(tmp_path, monkeypatch):
    monkeypatch.delenv("UNROLL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "unroll").mkdir()
    (tmp_path / "unroll").chmod(0o775)
    assert f"{tmp_path / 'unroll'} can be written to by other users" in refused()
    (tmp_path / "unroll").rmdir()  # nothing was made in it
    (tmp_path / "true").mkdir(mode=0o700)
    (tmp_path / "unroll").symlink_to(tmp_path / "true")
    build._reasons.clear()
    assert f"{tmp_path / 'unroll'} is a symbolic link" in refused()


@needs_a_compiler
@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_is_refused(cache, tmp_path, there):
    if there:
        (tmp_path / "true").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "true")
    assert "is a symbolic link" in refused()


@needs_a_compiler
def test_another_users_cache_is_refused(cache, monkeypatch):
    cache.mkdir(mode=0o700)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert "belongs to another user" in refused()


@needs_a_compiler
def test_another_users_object_is_built_again(cache):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    assert fresh(answer(1))[0] == 1
    os.chown(the_object(cache), 65534, -1)
    value, _, logged = fresh(answer(1))
    assert value == 1 and "other users can write to it" in logged
    assert the_object(cache).lstat().st_uid == 0


@needs_a_compiler
def test_without_a_home_there_is_no_cache(monkeypatch, tmp_path):
    import pwd

    monkeypatch.delenv("UNROLL_CACHE")
    monkeypatch.delenv("HOME")

    def nobody(user):
        raise KeyError(user)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert "there is no home directory" in refused()
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    assert f"the home directory {tmp_path / 'nowhere'} does not exist" in refused()
    assert not (tmp_path / "nowhere").exists()
    monkeypatch.setenv("HOME", str(tmp_path))  # the reason follows the environment
    assert build.unavailable() is None


@needs_a_compiler
def test_without_the_variable_the_system_knows_the_home(monkeypatch, tmp_path):
    import pwd

    monkeypatch.delenv("UNROLL_CACHE")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", lambda user: type("Entry", (), {"pw_dir": str(tmp_path)}))
    assert build.load(answer(1)).answer() == 1
    the_object(tmp_path / ".cache" / "unroll" / "kernels")


@needs_a_compiler
def test_a_file_in_place_of_the_cache_is_refused(cache, tmp_path, monkeypatch):
    cache.write_text("a file")
    assert "not a directory" in refused()
    monkeypatch.setenv("UNROLL_CACHE", str(cache / "further" / "in"))
    with pytest.raises(BuildError, match="cannot be created") as caught:
        build.load("never compiled")
    assert_one_sentence(caught.value)
    assert "not a directory" in str(build.unavailable())


@needs_a_compiler
@pytest.mark.parametrize("there", [True, False])
def test_a_cache_that_cannot_be_written_to_is_refused(cache, monkeypatch, there):
    """The calls are stood in for: permission bits do not stop root, whom tests may run as."""
    if there:
        cache.mkdir(mode=0o700)

    def refuse(*arguments, **keywords):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "access", lambda path, bits: False)
    monkeypatch.setattr(shutil, "which", lambda word: CXX)  # it asks os.access too
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(BuildError, match=r"Read-only file system") as caught:
        build.load(answer(1))
    assert_one_sentence(caught.value)
    assert build.unavailable() == f"the cache directory {cache} cannot be written to"
