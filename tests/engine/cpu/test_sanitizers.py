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

ROOT = Path(__file__).parents[3]
FLAGS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

BEGIN = """
import sys
from functools import partial

import torch

import unroll
from unroll.engine.cpu import build, kernels

build.FLAGS = (*build.FLAGS, *{flags!r})
torch.manual_seed(0)
torch.set_num_threads(1)
splits = [(1, 0), (2, 0), (2, 1), (3, 1)]
turn = [0]


def share(work, numbers, sequences, rows, steps):
    turn[0] += 1
    threads, by_units = splits[turn[0] % 4]
    return threads if by_units else min(threads, max(sequences, 1)), by_units


kernels.share = share
"""

RUN = """
sys.path.insert(0, {tests!r})
from written_cells import CELLS

SIZES = [(1, 1), (2, 7), (5, 37)]
MAKE = {{
    "lstm": unroll.LSTMCell,
    "gru-reset-before": CELLS["gru-reset-before"],
    "clockwork": CELLS["clockwork"],
}}
for name in {names!r}:
    for I, H in SIZES:
        for dtype in (torch.float32,):
            cell = MAKE[name](I, H).to(dtype)
            for T, B in ((1, 1), (3, 5), (2, 13), (0, 2), (3, 0)):
                x = torch.randn(T, B, I, dtype=dtype, requires_grad=True)
                resets = torch.rand(T, B) < 0.3
                ragged = [k % (T + 1) for k in range(B)]
                for more in ({{}}, {{"lengths": ragged}}, {{"reverse": True}},
                             {{"lengths": ragged, "resets": resets, "reverse": True}}):
                    for _ in range(2):
                        output, last = unroll.unroll(cell, x, backend="cpu", **more)
                        right, _ = unroll.unroll(cell, x, backend="loop", **more)
                        torch.testing.assert_close(output, right, rtol=1e-4, atol=1e-5)
                        output.sum().backward()
                    with torch.no_grad():
                        unroll.unroll(cell, x, backend="cpu", **more)
print("all of it ran")
"""

# the border would not let it through: it is told a smaller number of rows than the kernel is
WRONG = """
real = kernels.Kernel.__init__


class Gates(torch.Tensor):
    pass


import ctypes

source = kernels.header(torch.float32) + '''
extern "C" __attribute__((visibility("default"))) void fill(Real* at, int64_t rows) {
    for (int64_t k = 0; k < rows * LANES; k += LANES) store(at + k, splat(Real(1)));
}
extern "C" __attribute__((visibility("default"))) int lanes() { return LANES; }
'''
library = build.load(source)
rows = int(sys.argv[1])
tensor = torch.zeros(4 * library.lanes())
library.fill(ctypes.c_void_p(tensor.data_ptr()), ctypes.c_int64(rows))
print("all of it ran")
"""

# a call of a real kernel whose counts say one more sequence than there are rows
MORE_ROWS = """
cell = unroll.RNNCell(2, 37)
x = torch.randn(3, 5, 2)
call = ctypes_call = kernels._Call.__init__
more = int(sys.argv[1])


def init(self, *arguments):
    call(self, *arguments)
    if more:
        # steps, sequences, threads, by_units, counts, ...
        global counts
        counts = torch.full((self.steps,), self.sequences + more)
        self.counts = counts.data_ptr()
        self.sequences = self.sequences + more


kernels._Call.__init__ = init
unroll.unroll(cell, x, backend="cpu")
print("all of it ran")
"""


def asan():
    """The run-time library of the address sanitizer, for the compiler that builds kernels."""
    if build.unavailable() is not None:
        return None
    command = build.compiler()
    said = subprocess.run(
        [*command, "-print-file-name=libasan.so"], capture_output=True, text=True, check=False
    ).stdout.strip()
    path = Path(said)
    return path if path.is_absolute() and path.exists() else None


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    """Runs a script with kernels that are watched; what it said."""
    library = asan()
    if library is None:
        pytest.skip("the compiler has no address sanitizer that can be loaded first")
    folder = tmp_path_factory.mktemp("sanitized")
    probe = folder / "probe.cpp"
    probe.write_text("int answer() { return 42; }\n")
    command = [*build.compiler(), *FLAGS, "-shared", "-fPIC", "-o", str(folder / "probe.so")]
    if subprocess.run([*command, str(probe)], capture_output=True, check=False).returncode:
        pytest.skip("the compiler cannot build with sanitizers")

    def run(text, *arguments):
        script = folder / "script.py"
        script.write_text(BEGIN.format(flags=FLAGS) + text)
        environment = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "UNROLL_CACHE": str(folder / "kernels"),
            "PYTHONPATH": str(ROOT),
        }
        for name in ("UNROLL_BACKEND",):
            environment.pop(name, None)
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


@pytest.mark.parametrize("name", ["lstm", "gru-reset-before", "clockwork"])
def test_kernels_touch_nothing_that_is_not_theirs(name, sanitized):
    done = sanitized(RUN.format(tests=str(ROOT / "tests" / "engine"), names=[name]))
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    assert "all of it ran" in done.stdout


@pytest.mark.parametrize(
    ("script", "right", "wrong"), [(WRONG, "4", "5"), (MORE_ROWS, "0", "1")], ids=["store", "call"]
)
def test_a_wrong_number_of_rows_would_be_reported(script, right, wrong, sanitized):
    done = sanitized(script, right)
    assert done.returncode == 0, done.stderr
    assert "all of it ran" in done.stdout
    done = sanitized(script, wrong)
    assert done.returncode != 0
    assert re.search(r"AddressSanitizer: heap-buffer-overflow", done.stderr), done.stderr
