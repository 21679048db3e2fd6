"""Real compilers, real files, and fresh processes, which do not import torch."""

import ctypes
import importlib.util
import os
import pickle
import platform
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from unroll.engine.cpu import build, compiler
from unroll.engine.cpu.build_error import BuildError
from unroll.engine.cpu.cache import LEFT_OVER, WORKPLACE, make_folders
from unroll.engine.cpu.compiler import COMPILERS, compiler_command, identity

CXX = next((path for name in COMPILERS if (path := shutil.which(name))), None)
needs_a_compiler = pytest.mark.skipif(CXX is None, reason="no C++ compiler")

SHOWN = 'extern "C" __attribute__((visibility("default")))'
FRESH = """
import importlib, os, sys, time, types
from pathlib import Path
folder = Path(sys.argv[1]).parent
for name, path in [("unroll", folder.parents[1]), ("unroll.engine", folder.parent),
                   ("unroll.engine.cpu", folder)]:
    sys.modules[name] = types.ModuleType(name)  # their own code imports torch
    sys.modules[name].__path__ = [str(path)]
build = importlib.import_module("unroll.engine.cpu.build")
assert "torch" not in sys.modules
start = time.perf_counter()
library = build.load(sys.argv[2])
print(library.answer(), time.perf_counter() - start)
"""


def answer(value):
    return f"{SHOWN}\nint answer() {{ return {value}; }}\n"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    for variable in ("UNROLL_CXX", "CXX", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "kernels"))
    monkeypatch.setattr(build, "_loaded", {})
    monkeypatch.setattr(build, "_reasons", {})
    return tmp_path / "kernels"


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A compiler that writes down its runs; called, the arguments of each so far."""
    noted = tmp_path / "runs"
    wrapper = script(tmp_path / "counting", f'echo "$*" >> {noted}\nexec {CXX} "$@"')
    monkeypatch.setenv("UNROLL_CXX", str(wrapper))
    return lambda: noted.read_text().splitlines() if noted.exists() else []


def start_fresh(source):
    command = [sys.executable, "-c", FRESH, build.__file__, source]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(process):
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    value, seconds = said.split()
    return int(value), float(seconds), errors


def fresh(source):
    """What the function answers in a new process, the seconds to load it, and what was logged."""
    return result(start_fresh(source))


def the_object(cache):
    (path,) = cache.glob("*.so")
    return path


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


def refused(source="never compiled"):
    """The error of a load that unavailable() has foreseen in the same words."""
    with pytest.raises(BuildError) as caught:
        build.load(source)
    reason = build.unavailable()
    assert reason is not None
    assert reason in str(caught.value)
    assert_one_sentence(caught.value)
    return str(caught.value)


def assert_one_sentence(error):
    text = str(error)
    assert text.endswith(".") and not text.endswith("..")
    assert "\n" not in text
    assert text.startswith("No kernel could be compiled for the CPU because ")


# building and loading


@needs_a_compiler
def test_a_function_is_built_and_called():
    assert build.unavailable() is None
    library = build.load(f"{SHOWN} double twice(double x) {{ return x + x; }}")
    library.twice.restype = ctypes.c_double
    assert library.twice(ctypes.c_double(1.25)) == 2.5


@needs_a_compiler
def test_a_second_call_costs_microseconds(runs):
    library = build.load(answer(7))
    before = len(runs())
    start = time.perf_counter()
    for _ in range(1000):
        assert build.load(answer(7)) is library
    assert (time.perf_counter() - start) / 1000 < 200e-6
    assert len(runs()) == before


@needs_a_compiler
def test_a_second_process_neither_compiles_nor_asks_for_the_version(runs):
    assert fresh(answer(42))[0] == 42
    assert sum("kernel.cpp" in run for run in runs()) == 1
    assert sum("--version" in run for run in runs()) == 1
    value, seconds, logged = min(fresh(answer(42)) for _ in range(3))
    assert (value, logged) == (42, "")
    assert len(runs()) == 2
    assert seconds < 0.02


@needs_a_compiler
def test_flags_source_compiler_and_cpu_decide_the_name(cache, runs, monkeypatch, tmp_path):
    source = f"{SHOWN} int answer() {{ return ANSWER; }}"
    assert build.load(source, flags=["-DANSWER=3"]).answer() == 3
    assert build.load(source, flags=["-DANSWER=4"]).answer() == 4
    assert len(list(cache.glob("*.so"))) == 2
    monkeypatch.setattr(build, "_loaded", {})
    monkeypatch.setattr(build, "processor", lambda: "another one")
    assert build.load(source, flags=["-DANSWER=3"]).answer() == 3
    assert len(list(cache.glob("*.so"))) == 3
    other = script(tmp_path / "other", f'exec {CXX} "$@"')
    monkeypatch.setenv("UNROLL_CXX", str(other))
    assert build.load(source, flags=["-DANSWER=3"]).answer() == 3
    assert len(list(cache.glob("*.so"))) == 4


@needs_a_compiler
def test_a_compiler_that_changed_is_asked_again(cache, runs, tmp_path):
    fresh(answer(1))
    wrapper = tmp_path / "counting"
    changed = wrapper.read_text().replace("exec", 'test "$1" = --version && echo 2.0\nexec')
    wrapper.write_text(changed)
    assert fresh(answer(1))[0] == 1
    assert sum("--version" in run for run in runs()) == 2
    assert len(list(cache.glob("*.so"))) == 2


@needs_a_compiler
@pytest.mark.parametrize("slow", [False, True])
def test_processes_at_once_all_succeed(cache, slow, tmp_path, monkeypatch):
    if slow:  # so that they surely overlap
        wrapper = script(tmp_path / "slow", f'sleep 0.3\nexec {CXX} "$@"')
        monkeypatch.setenv("UNROLL_CXX", str(wrapper))
    started = [start_fresh(answer(5)) for _ in range(4)]
    assert [result(process)[::2] for process in started] == [(5, "")] * 4
    the_object(cache)
    assert not list(cache.glob(".*"))


@needs_a_compiler
def test_threads_at_once_compile_once(runs):
    found, wait = [], threading.Barrier(8)

    def work():
        wait.wait()
        found.append(build.load(answer(6)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(map(id, found))) == 1
    assert sum("kernel.cpp" in run for run in runs()) == 1


@needs_a_compiler
def test_a_fork_while_another_thread_builds_can_load(tmp_path, monkeypatch):
    wrapper = script(tmp_path / "slow", f'sleep 0.5\nexec {CXX} "$@"')
    monkeypatch.setenv("UNROLL_CXX", str(wrapper))
    code = f"""
import threading
builder = threading.Thread(target=build.load, args=({answer(8)!r},))
builder.start()
while not build._lock.locked():
    time.sleep(0.001)
child = os.fork()
if child == 0:
    os._exit(build.load({answer(9)!r}).answer())
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
builder.join()
assert build.load({answer(8)!r}).answer() == 8
"""
    head = FRESH[: FRESH.index("start =")]
    subprocess.run([sys.executable, "-c", head + code, build.__file__], check=True, timeout=60)


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


# objects that are not what was built


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
    assert f"{path} is made again" in logged
    assert len(runs()) == before + 1
    assert stat.S_ISREG(path.lstat().st_mode) and mode(path) == 0o700
    assert fresh(answer(11))[::2] == (11, "")
    assert len(runs()) == before + 1


@needs_a_compiler
def test_a_harmed_version_of_the_compiler_is_asked_for_again(cache, runs):
    assert fresh(answer(1))[0] == 1
    (path,) = cache.glob("compiler-*")
    path.write_bytes(b"anything")
    value, _, logged = fresh(answer(1))
    assert value == 1 and "made again" in logged
    assert [run for run in runs() if "--version" in run] == ["--version"] * 2
    assert sum("kernel.cpp" in run for run in runs()) == 1


# caches that are refused


@needs_a_compiler
def test_a_cache_that_others_can_write_to_is_refused(cache):
    for bits in (0o777, 0o770, 0o702):
        cache.mkdir()
        cache.chmod(bits)
        build._reasons.clear()
        said = refused()
        assert "can be written to by other users" in said and f"chmod go-w {cache}" in said
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
    with pytest.raises(BuildError, match="cannot be made") as caught:
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


# compilers


def test_without_a_compiler_there_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = refused()
    assert "there is no C++ compiler (none of c++, g++ and clang++ is on the PATH)" in said
    assert "install g++" in said
    if CXX is not None:  # the reason follows the environment
        monkeypatch.setenv("PATH", str(Path(CXX).parent))
        assert build.unavailable() is None


def test_a_named_compiler_that_is_not_there_is_not_replaced(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler -m64")
    assert "the variable CXX names 'no-such-compiler -m64'" in refused()
    monkeypatch.setenv("UNROLL_CXX", "nor 'this one")
    assert "the variable UNROLL_CXX names" in refused()


SETS = f"""{SHOWN} int answer() {{
#if defined(__AVX512F__)
    return 3;
#elif defined(__AVX2__)
    return 2;
#else
    return 1;
#endif
}}"""
X86 = platform.machine().lower() in ("x86_64", "amd64")


@needs_a_compiler
@pytest.mark.skipif(not X86, reason="instruction sets are named on x86-64")
def test_an_instruction_set_that_is_named_is_the_one_compiled_for(cache, monkeypatch):
    found = {}
    for name in ("baseline", "avx2", "native", ""):
        monkeypatch.setenv("UNROLL_INSTRUCTION_SET", name)
        if build.unavailable() is None:
            found[name] = build.load(SETS).answer()
    assert found["baseline"] == 1 and found.get("avx2", 2) == 2
    assert found["native"] == found[""]
    assert len(list(cache.glob("*.so"))) == len(found) - 1


@needs_a_compiler
def test_an_instruction_set_that_is_unknown_or_missing_is_not_replaced(monkeypatch):
    monkeypatch.setenv("UNROLL_INSTRUCTION_SET", "mmx")
    assert "the variable UNROLL_INSTRUCTION_SET names 'mmx', which is none of native" in refused()
    monkeypatch.setenv("UNROLL_INSTRUCTION_SET", "avx2")
    monkeypatch.setattr(build, "_reasons", {})
    monkeypatch.setattr(compiler, "cpu_features", lambda: frozenset({"flags", "sse2"}))
    assert "UNROLL_INSTRUCTION_SET names 'avx2'" in refused()
    monkeypatch.setattr(build, "_reasons", {})
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert "aarch64 and not x86-64" in refused()


@needs_a_compiler
def test_a_compiler_may_be_several_words_or_have_spaces(monkeypatch, tmp_path):
    (tmp_path / "with spaces").mkdir()
    wrapper = script(tmp_path / "with spaces" / "launch", 'exec "$@"')
    monkeypatch.setenv("CXX", f"'{wrapper}' {CXX}")
    assert build.load(answer(1)).answer() == 1
    direct = script(tmp_path / "with spaces" / "c++", f'exec {CXX} "$@"')
    monkeypatch.setenv("CXX", str(direct))
    assert build.load(answer(2)).answer() == 2


@needs_a_compiler
def test_the_first_error_is_said_and_the_whole_log_kept(cache):
    with pytest.raises(BuildError) as caught:
        build.load("int one() { return no_such_name; }\nint two() { return nor_this; }\n")
    said = str(caught.value)
    assert_one_sentence(caught.value)
    assert "kernel.cpp:1" in said and "no_such_name" in said and "nor_this" not in said
    assert "nor_this" in caught.value.log
    assert str(pickle.loads(pickle.dumps(caught.value))) == said
    assert not list(cache.glob("*.so")) and not list(cache.glob(".*"))


def a_compiler(tmp_path, monkeypatch, text):
    version = 'test "$1" = --version && { echo 1.0; exit 0; }'
    monkeypatch.setenv("UNROLL_CXX", str(script(tmp_path / "odd", f"{version}\n{text}")))


@needs_a_compiler
def test_a_compiler_killed_half_way_leaves_nothing(cache, tmp_path, monkeypatch):
    half = f'{CXX} "$@" && head -c 4000 kernel.so > half && mv half kernel.so'
    a_compiler(tmp_path, monkeypatch, f"{half}\nkill -9 $$")
    with pytest.raises(BuildError, match="was killed") as caught:
        build.load(answer(1))
    assert_one_sentence(caught.value)
    assert not list(cache.glob("*.so")) and not list(cache.glob(".*"))


@needs_a_compiler
def test_a_process_killed_half_way_leaves_nothing_that_is_loaded(cache, tmp_path, monkeypatch):
    half = f'{CXX} "$@" && head -c 4000 kernel.so > half && mv half kernel.so'
    a_compiler(tmp_path, monkeypatch, f"{half}\nkill -9 $PPID\nexit 0")
    process = start_fresh(answer(1))
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert not list(cache.glob("*.so"))
    (left,) = cache.glob(f"{WORKPLACE}*")
    assert (left / "kernel.so").stat().st_size == 4000
    a_compiler(tmp_path, monkeypatch, f'exec {CXX} "$@"')
    assert fresh(answer(1))[0] == 1


def test_a_compiler_that_hangs_is_killed_with_those_it_started(cache, tmp_path, monkeypatch):
    number = tmp_path / "number"
    a_compiler(tmp_path, monkeypatch, f"sleep 60 &\necho $! > {number}\nwait")
    identity(compiler_command(), made(cache))  # before the patience is short
    monkeypatch.setattr(compiler, "PATIENCE", 0.3)
    start = time.perf_counter()
    with pytest.raises(BuildError, match=r"killed after 0.3 seconds") as caught:
        build.load(answer(1))
    assert_one_sentence(caught.value)
    assert time.perf_counter() - start < 5
    assert not list(cache.glob(".*"))
    for _ in range(200):  # until it is a zombie or gone
        status = Path(f"/proc/{number.read_text().strip()}/stat")
        if not status.exists() or status.read_text().split()[2] == "Z":
            break
        time.sleep(0.01)
    else:
        pytest.fail("what the compiler started still runs")


def made(cache):
    make_folders((cache,))
    return cache


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", "failed: it said nothing"),
        ("echo 'odd: fatal error: no space'; exit 1", "failed: odd: fatal error: no space;"),
        ("exit 0", "reported success but wrote no object"),
        ("echo not an object > kernel.so", "the system does not load the built object"),
    ],
)
def test_odd_compilers(cache, tmp_path, monkeypatch, text, said):
    a_compiler(tmp_path, monkeypatch, text)
    with pytest.raises(BuildError) as caught:
        build.load("anything")
    assert said in str(caught.value)
    assert_one_sentence(caught.value)


def test_a_compiler_that_does_not_tell_its_version_or_cannot_be_run(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLL_CXX", str(script(tmp_path / "odd", "echo no licence; exit 1")))
    with pytest.raises(BuildError, match=r"version \(failed: no licence\)"):
        build.load("anything")
    broken = script(tmp_path / "broken", "")
    broken.write_bytes(b"\0\1\2")
    monkeypatch.setenv("UNROLL_CXX", str(broken))
    with pytest.raises(BuildError, match="cannot be run"):
        build.load("anything")


@needs_a_compiler
def test_an_object_with_a_missing_symbol_is_a_sentence():
    with pytest.raises(BuildError, match="no_such_symbol") as caught:
        build.load(f'extern "C" int no_such_symbol(); {SHOWN} int f() {{return no_such_symbol();}}')
    assert_one_sentence(caught.value)


@needs_a_compiler
def test_errors_are_in_english(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    a_compiler(tmp_path, monkeypatch, 'echo "error in $LC_ALL"; exit 1')
    with pytest.raises(BuildError, match="error in C;"):
        build.load("anything")


def test_the_module_needs_no_torch():
    assert importlib.util.find_spec("torch") is not None
    head = FRESH[: FRESH.index("start =")]
    subprocess.run([sys.executable, "-c", head, build.__file__], check=True, timeout=60)
