"""Which compiler is used, for which processor, and what it says."""

import pickle
import platform
import time
from pathlib import Path

import pytest

from unroll.engine.cpu import build, compiler, process
from unroll.engine.cpu.build_error import BuildError
from unroll.engine.cpu.cache import make_folders
from unroll.engine.cpu.compiler import compiler_command, identity

from .builds import (
    CXX,
    SHOWN,
    a_compiler,
    answer,
    assert_one_sentence,
    fresh,
    needs_a_compiler,
    refused,
    script,
)

pytestmark = pytest.mark.usefixtures("cache")


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
def test_a_harmed_version_of_the_compiler_is_asked_for_again(cache, runs):
    assert fresh(answer(1))[0] == 1
    (path,) = cache.glob("compiler-*")
    path.write_bytes(b"anything")
    value, _, logged = fresh(answer(1))
    assert value == 1 and "built again" in logged
    assert [run for run in runs() if "--version" in run] == ["--version"] * 2
    assert sum("kernel.cpp" in run for run in runs()) == 1


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


def test_a_compiler_that_hangs_is_killed_with_those_it_started(cache, tmp_path, monkeypatch):
    number = tmp_path / "number"
    a_compiler(tmp_path, monkeypatch, f"sleep 60 &\necho $! > {number}\nwait")
    identity(compiler_command(), made(cache))  # before the patience is short
    monkeypatch.setattr(process, "PATIENCE", 0.3)
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
        ("exit 3", "failed: it printed nothing"),
        ("echo 'odd: fatal error: no space'; exit 1", "failed: odd: fatal error: no space;"),
        ("exit 0", "reported success but wrote no object"),
        ("echo not an object > kernel.so", "the system does not load the built object"),
        ("printf '\\177ELF' > kernel.so", "wrote an object that is cut off"),
        ("head -c 20000000 /dev/urandom; exit 1", "failed: "),
        ("kill -9 $$", "was killed (Killed)"),
        ("printf 'a \\033[31m error'; exit 1", r"failed: a \x1b[31m error"),
    ],
)
def test_odd_compilers(cache, tmp_path, monkeypatch, text, said):
    a_compiler(tmp_path, monkeypatch, text)
    with pytest.raises(BuildError) as caught:
        build.load("anything")
    assert said in str(caught.value)
    assert_one_sentence(caught.value)
    assert not list(cache.glob("*.so"))
    assert build.failure() is caught.value


@needs_a_compiler
@pytest.mark.parametrize("text", ["", answer(1)])
def test_an_object_without_the_functions_is_neither_kept_nor_used(cache, text):
    with pytest.raises(BuildError, match="without the functions of the kernel"):
        build.load(text, functions=("answer", "question"))
    assert not list(cache.glob("*.so"))


@needs_a_compiler
def test_an_object_of_the_cache_that_lacks_functions_is_built_again(cache, runs, caplog):
    build.load(answer(1))
    (path,) = cache.glob("*.so")
    before = path.read_bytes()
    build._loaded.clear()
    with pytest.raises(BuildError, match="without the functions"):
        build.load(answer(1), functions=("question",))
    assert "it lacks functions" in caplog.text and path.read_bytes() == before
    assert build.load(answer(1), functions=("answer",)).answer() == 1


@needs_a_compiler
def test_an_object_that_is_cut_off_is_not_loaded(cache, tmp_path, monkeypatch):
    a_compiler(tmp_path, monkeypatch, f'{CXX} "$@" -o whole.so\nhead -c 9000 whole.so > kernel.so')
    with pytest.raises(BuildError, match="cut off"):
        build.load(answer(1) + f"{SHOWN} char room[20000] = {{1}};")
    assert not list(cache.glob("*.so"))


def test_a_compiler_that_hangs_is_waited_for_once(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE", 0.3)
    monkeypatch.setenv("UNROLL_CXX", str(script(tmp_path / "odd", "sleep 60")))
    assert build.unavailable() is None
    with pytest.raises(BuildError, match="does not tell its version"):
        build.load("anything")
    assert "killed after 0.3 seconds" in build.unavailable()


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
def test_errors_are_in_english(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    a_compiler(tmp_path, monkeypatch, 'echo "error in $LC_ALL"; exit 1')
    with pytest.raises(BuildError, match="error in C;"):
        build.load("anything")
