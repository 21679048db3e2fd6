"""Real compilers, real files, and fresh processes, which do not import torch."""

import ctypes
import importlib.util
import subprocess
import sys
import threading
import time

import pytest

from unroll.engine.cpu import build
from unroll.engine.cpu.build_error import BuildError
from unroll.engine.cpu.cache import WORKPLACE

from .builds import (
    CXX,
    FRESH,
    SHOWN,
    a_compiler,
    answer,
    assert_one_sentence,
    fresh,
    needs_a_compiler,
    result,
    script,
    start_fresh,
    the_object,
)

pytestmark = pytest.mark.usefixtures("cache")


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


@needs_a_compiler
def test_an_object_with_a_missing_symbol_is_a_sentence():
    with pytest.raises(BuildError, match="no_such_symbol") as caught:
        build.load(f'extern "C" int no_such_symbol(); {SHOWN} int f() {{return no_such_symbol();}}')
    assert_one_sentence(caught.value)


def test_the_module_needs_no_torch():
    assert importlib.util.find_spec("torch") is not None
    head = FRESH[: FRESH.index("start =")]
    subprocess.run([sys.executable, "-c", head, build.__file__], check=True, timeout=60)
