"""Sources, scripts and fresh processes for the tests of builds."""

import shutil
import subprocess
import sys

import pytest

from unroll.engine.cpu import build
from unroll.engine.cpu.build_error import BuildError
from unroll.engine.cpu.compiler import COMPILERS

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


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


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
    assert len(text) < 300, text
    assert text.startswith("No kernel could be compiled for the CPU because ")


def a_compiler(tmp_path, monkeypatch, text):
    version = 'test "$1" = --version && { echo 1.0; exit 0; }'
    monkeypatch.setenv("UNROLL_CXX", str(script(tmp_path / "odd", f"{version}\n{text}")))
