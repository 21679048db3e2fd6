"""Threads, processes and workers: the same numbers to the bit."""

import copy
import os
import signal
import threading
import time

import pytest
import torch

import unroll
from unroll.engine.cpu import kernels
from unroll.engine.cpu.threads import Split

from .compiled import (
    SINGLE,
    B,
    H,
    I,
    Plain,
    T,
    assert_equal,
    compiled,
    results,
    the_cell,
    used_state,
)

pytestmark = compiled

SPLITS = {
    "two by sequences": Split(2, 0),
    "two by units": Split(2, 1),
    "three by units": Split(3, 1),
}


def every_bit(name, dtype, H, lengths, monkeypatch, split):
    cell = the_cell(name, 8, H, dtype)
    torch.manual_seed(5)
    x, state = torch.randn(7, 13, 8, dtype=dtype), used_state(cell, 13, dtype)
    asked = []
    monkeypatch.setattr(kernels, "share", lambda *a: asked.append(a) or split)
    found = results(cell, x, state, lengths=lengths, backend="cpu")
    assert len(asked) == 2  # forward and backward
    return found


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
@pytest.mark.parametrize("H", [1, 37, 130])
@pytest.mark.parametrize("name", SINGLE)
def test_no_bit_depends_on_how_the_work_is_split(name, H, split, monkeypatch):
    if H == 1 and name in ("projected", "clockwork"):
        pytest.skip("as the others")
    lengths = [7, 7, 7, 6, 5, 4, 4, 4, 2, 1, 1, 1, 0]
    for given in (None, lengths):
        alone = every_bit(name, torch.float32, H, given, monkeypatch, Split(1, 0))
        shared = every_bit(name, torch.float32, H, given, monkeypatch, split)
        assert all(torch.equal(alone[k], shared[k]) for k in alone)


@pytest.mark.parametrize("name", ["lstm", "reset-before"])
def test_no_bit_depends_on_the_number_of_threads(name, monkeypatch, two_threads):
    """Of what the compiled loop computes: the large products around it are the library's."""
    cell = the_cell(name, 8, 130, torch.float32)
    x, state = torch.randn(40, 13, 8), used_state(cell, 13, torch.float32)
    chosen, found = [], {}
    real = kernels.share
    monkeypatch.setattr(kernels, "share", lambda *a: chosen.append(real(*a)) or chosen[-1])
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found[threads] = results(cell, x, state, backend="cpu")
    assert [split.threads for split in chosen] == [1, 1, 2, 2]
    for name, value in found[1].items():
        if name == "output" or name.startswith(("final", "d state")):
            assert torch.equal(value, found[2][name]), name
        else:
            torch.testing.assert_close(value, found[2][name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("lengths", [None, [9, 4, 0]])
def test_two_directions_beside_each_other_are_the_same_to_the_bit(
    lengths, monkeypatch, two_threads
):
    layer = unroll.Recurrent("gru", 5, 37, num_layers=2, bidirectional=True, dropout=0.5)
    x = torch.randn(9, 3, 5, requires_grad=True)
    found, seen = [], []
    for at_once in (False, True):
        split = Split(1, 0, at_once)
        monkeypatch.setattr(kernels, "share", lambda *a, split=split: seen.append(a[-1]) or split)
        torch.manual_seed(3)
        output, last = layer(x, lengths=lengths, backend="cpu")
        loss = output.square().sum() + last.sum()
        found.append([output, last, *torch.autograd.grad(loss, [x, *layer.parameters()])])
    assert set(seen) == {2}
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    torch.manual_seed(3)
    right, _ = layer(x, lengths=lengths, backend="loop")
    torch.testing.assert_close(found[1][0], right)


def test_two_directions_share_the_threads(two_threads):
    assert kernels.share(10**5, 10**3, 1, 64, 64, 2) == Split(1, 0, at_once=True)
    assert kernels.share(10**5, 10**3, 1, 64, 64, 1).at_once is False
    torch.set_num_threads(1)
    assert kernels.share(10**5, 10**3, 1, 64, 64, 2) == Split(1, 0)


def test_a_forked_child_computes_the_same(two_threads, monkeypatch):
    """As a DataLoader's workers are made: the parent's threads are not in the child.

    The library's products would wait there for threads that are gone, also on the loop.
    """
    cell = the_cell("lstm", dtype=torch.float32)
    x = torch.randn(T, B, I)
    monkeypatch.setattr(kernels, "share", lambda *_: Split(2, 0))
    expected = results(cell, x, backend="cpu")
    child = os.fork()
    if not child:
        status = 1
        try:
            torch.set_num_threads(1)
            got = results(cell, x, backend="cpu")
            assert_equal(got, expected, 1e-6)
            status = 0
        finally:
            os._exit(status)
    assert ended(child) == 0


def ended(child, patience=30.0):
    """The exit status of a child; -1 where it hangs, which is then ended."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        process, status = os.waitpid(child, os.WNOHANG)
        if process:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def test_a_child_is_not_held_up_by_a_parents_thread_that_was_preparing_a_cell(no_plans_on_disk):
    x = torch.randn(T, B, I, dtype=torch.float64)
    inside, go_on = threading.Event(), threading.Event()

    class Waits(Plain):
        def forward(self, x, h):
            inside.set()
            go_on.wait(30)
            return super().forward(x, h)

    thread = threading.Thread(target=unroll.unroll, args=(Waits(I, H).double(), x))
    thread.start()
    try:
        assert inside.wait(30)
        child = os.fork()
        if not child:
            status = 1
            try:
                output, _ = unroll.unroll(Plain(I, H).double(), x, backend="cpu")
                status = 0 if output.isfinite().all() else 2
            finally:
                os._exit(status)
        status = ended(child, 10)
    finally:
        go_on.set()
        thread.join()
    assert status == 0


def test_a_data_loaders_workers_compute_the_same():
    class Encoded(torch.utils.data.Dataset):
        def __init__(self):
            self.cell = the_cell("gru", dtype=torch.float32)
            self.x = torch.randn(4, T, 1, I)

        def __len__(self):
            return 4

        def __getitem__(self, index):
            with torch.no_grad():
                return unroll.unroll(self.cell, self.x[index], backend="cpu")[0]

    data = Encoded()
    here = torch.stack([data[k] for k in range(4)])
    loader = torch.utils.data.DataLoader(data, batch_size=2, num_workers=2)
    torch.testing.assert_close(torch.cat(list(loader)), here, rtol=0, atol=0)


@pytest.mark.parametrize("first_seen", [False, True])
def test_python_threads_run_the_same_and_different_cells_at_once(first_seen):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        names = ["lstm", "lstm", "gru", "reset-before"]
        cells = (
            {n: copy.deepcopy(the_cell(n)) for n in names}
            if first_seen
            else {n: the_cell(n) for n in names}
        )
    xs = [torch.randn(T, B, I, dtype=torch.float64) for _ in names]
    right = [results(cells[n], x, backend="loop") for n, x in zip(names, xs, strict=True)]
    wrong, begin = [], threading.Barrier(len(names))

    def work(k):
        try:
            begin.wait(30)
            for _ in range(10):
                assert_equal(results(cells[names[k]], xs[k], backend="cpu"), right[k])
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
