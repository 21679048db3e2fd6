"""The kernels under the compiler's own watch: no read or write beside a tensor, nothing undefined.

They are built with the sanitizers in processes of their own, at sizes that fill no tile.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unroll.engine.cpu import build
from unroll.engine.cpu.compiler import compiler_command

ROOT = Path(__file__).parents[3]
FLAGS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

BEGIN = """
import sys

import torch

import unroll
from unroll.engine import cpu
from unroll.engine.cpu import build, kernels
from unroll.engine.cpu.threads import Split

build.FLAGS = (*build.FLAGS, *{flags!r})
torch.manual_seed(0)
torch.set_num_threads(1)
splits = [(1, 0), (2, 0), (2, 1), (3, 1)]
turn = [0]


def share(work, numbers, sequences, rows, steps, jobs):
    turn[0] += 1
    threads, by_units = splits[turn[0] % 4]
    return Split(threads if by_units else min(threads, max(sequences, 1)), by_units, jobs > 1)


kernels.share = share
"""

RUN = """
from typing import NamedTuple

sys.path.insert(0, {tests!r})
from prebuilt import prebuild
from written_cells import CELLS



class SwitchState(NamedTuple):
    h: torch.Tensor
    on: torch.Tensor


class Switch(unroll.Cell):
    # a column of truths that is kept for the backward and computed again where it is read

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = torch.nn.Linear(input_size, hidden_size)
        self.weight = torch.nn.Parameter(torch.rand(hidden_size, hidden_size) - 0.5)

    def forward(self, x, state):
        new = torch.tanh(self.read(x) + state.h @ self.weight)
        h = torch.where(~state.on[:, None], new, 0.5 * state.h)
        return h, SwitchState(h, ~state.on)

    def initial_state(self, batch_size, *, dtype=None, device=None):
        zeros = torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device)
        return SwitchState(zeros, torch.zeros(batch_size, dtype=torch.bool, device=device))


MAKE = {{
    "switch": Switch,
    "lstm": unroll.LSTMCell,
    "gru-reset-before": CELLS["gru-reset-before"],
    "clockwork": CELLS["clockwork"],
}}
prebuild([(make(2, 7), True) for make in MAKE.values()], torch.float32)
for name, make in MAKE.items():
    for I, H in ((2, 7), (5, 37)) if name == "clockwork" else ((1, 1), (2, 7), (5, 37)):
        cell = make(I, H)
        for T, B in ((1, 1), (3, 5), (2, 13), (0, 2), (3, 0)):
            x = torch.randn(T, B, I, requires_grad=True)
            resets = torch.rand(T, B) < 0.3
            ragged = [k % (T + 1) for k in range(B)]
            for more in ({{}}, {{"lengths": ragged}}, {{"reverse": True}},
                         {{"lengths": ragged, "resets": resets, "reverse": True}}):
                right, _ = unroll.unroll(cell, x, backend="loop", **more)
                for _ in splits:
                    output, _ = unroll.unroll(cell, x, backend="cpu", **more)
                    torch.testing.assert_close(output, right, rtol=1e-4, atol=1e-5)
                    output.sum().backward()
                with torch.no_grad():
                    unroll.unroll(cell, x, backend="cpu", **more)
both = unroll.Recurrent(unroll.LSTMCell, 3, 5, bidirectional=True)
for T, B in ((1, 1), (4, 6)):
    x = torch.randn(T, B, 3, requires_grad=True)
    right, _ = both(x, backend="loop")
    output, _ = both(x, backend="cpu")
    torch.testing.assert_close(output, right, rtol=1e-4, atol=1e-5)
    output.sum().backward()
print("all of it ran")
"""

# the stages of a cell as they would be if a loop over rows went one row too far
ONE_ROW_MORE = """
from dataclasses import replace

from torch import nn

real = kernels.emit


def wrong(*arguments):
    emitted = real(*arguments)
    source = emitted.source.replace("row < frame.last", "row < frame.last + 1")
    assert source != emitted.source
    return replace(emitted, source=source)


class Plain(unroll.Cell):
    def __init__(self, width):
        super().__init__(width, width)
        self.u = nn.Parameter(torch.rand(width))

    def forward(self, x, h):
        h = torch.tanh(x + self.u * h)
        return h, h


if sys.argv[1] == "1":
    kernels.emit = wrong
x = torch.randn(1, 3, 37)
output, _ = unroll.unroll(Plain(37), x, backend="cpu")
print("all of it ran")
"""


def found(name):
    """A library of the compiler that builds kernels, or None."""
    if build.unavailable() is not None:
        return None
    command = [*compiler_command(), f"-print-file-name={name}"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    path = Path(said)
    return path.resolve() if path.is_absolute() and path.exists() else None


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """Runs a script with kernels that are watched; what it said."""
    library = found("libasan.so")
    if library is None:
        pytest.skip("the compiler has no address sanitizer that can be loaded first")
    folder = tmp_path_factory.mktemp("sanitized")
    probe = folder / "probe.cpp"
    probe.write_text("int answer() { return 42; }\n")
    command = [*compiler_command(), *FLAGS, "-shared", "-fPIC", "-o", str(folder / "probe.so")]
    if subprocess.run([*command, str(probe)], capture_output=True, check=False).returncode:
        pytest.skip("the compiler cannot build with sanitizers")

    def run(text, *arguments):
        script = folder / "script.py"
        script.write_text(BEGIN.format(flags=FLAGS) + text)
        environment = {
            **os.environ,
            # the C++ library beside it, or the sanitizer does not find what throws exceptions
            "LD_PRELOAD": f"{library} {found('libstdc++.so')}",
            "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "UNROLL_CACHE": str(folder / "kernels"),
            "PYTHONPATH": str(ROOT),
        }
        environment.pop("UNROLL_BACKEND", None)
        return subprocess.run(
            [sys.executable, str(script), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    yield run
    shutil.rmtree(folder, ignore_errors=True)


def test_kernels_touch_nothing_that_is_not_theirs(sanitized):
    done = sanitized(RUN.format(tests=str(ROOT / "tests" / "engine")))
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    assert "all of it ran" in done.stdout


def test_one_row_too_many_would_be_reported(sanitized):
    done = sanitized(ONE_ROW_MORE, "0")
    assert done.returncode == 0, done.stderr
    assert "all of it ran" in done.stdout
    done = sanitized(ONE_ROW_MORE, "1")
    assert done.returncode != 0
    assert re.search("AddressSanitizer: heap-buffer-overflow", done.stderr), done.stderr
