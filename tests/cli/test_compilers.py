"""Broken compilers: refused in a sentence where the backend was asked for, told once under auto."""

import shutil

import pytest

from unroll.engine import backends
from unroll.engine.cpu import build, kernels, library, process

CXX = next((path for name in ("c++", "g++", "clang++") if (path := shutil.which(name))), "c++")
ASKED = 'test "$1" = --version && { echo 1.0; exit 0; }\n'
COMPILERS = {
    "false": "exit 1",
    "true": "exit 0",
    "garbage": "head -c 20000000 /dev/urandom",
    "no object": ASKED + "echo garbage > kernel.so",
    "killed": ASKED + "kill -9 $$",
    "no space": ASKED + "echo 'fatal error: No space left on device' >&2; exit 1",
    "hangs": "sleep 60",
    "empty library": ASKED + f"echo > e.cpp; {CXX} -shared -fPIC e.cpp -o kernel.so",
}
WORDS = ["--cell", "min_gru", "--steps", "2", "--hidden", "8", "--threads", "1", "--overwrite"]


@pytest.fixture
def compiler(tmp_path, monkeypatch, request):
    """A compiler that is broken, in a process that has built nothing yet."""
    path = tmp_path / "compiler"
    if request.param in COMPILERS:
        path.write_text(f"#!/bin/sh\n{COMPILERS[request.param]}\n")
        path.chmod(0o755)
    elif request.param == "a folder":
        path.mkdir()
    words = {"unbalanced": "g++ 'odd", "nothing": str(tmp_path / "nothing")}
    monkeypatch.setenv("UNROLL_CXX", words.get(request.param, str(path)))
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "kernels"))
    monkeypatch.setattr(process, "PATIENCE", 1.0)
    for module, name, empty in (
        (build, "_loaded", {}),
        (build, "_reasons", {}),
        (build, "_failures", {}),
        (kernels, "_loaded", {}),
        (backends, "_warned", set()),
    ):
        monkeypatch.setattr(module, name, empty)
    library.library.cache_clear()
    return path


@pytest.mark.parametrize(
    "compiler", [*COMPILERS, "a folder", "unbalanced", "nothing"], indirect=True
)
def test_a_broken_compiler_is_a_sentence_and_no_fault(compiler, place, printed, tmp_path):
    train = ["train", "poems.txt", "--out", tmp_path / "run", *WORDS]
    said = printed(*train, "--backend", "cpu", code=2).err.splitlines()
    (sentence,) = said
    assert sentence.startswith("unroll: The cpu backend cannot run MinGRUCell: ")
    assert len(sentence) < 300 and not (tmp_path / "run").exists()
    assert not list(tmp_path.glob("kernels/*.so"))
    said = printed(*train).err
    assert said.count("No kernels are compiled, and slower backends may run: ") == 1
    assert all(len(line) < 300 for line in said.splitlines() if "No kernels" in line)
    assert "parallel backend" in said
