"""The number of threads is the one that was fastest in the timing."""

from types import SimpleNamespace

import pytest
import torch

from unroll.training import threads
from unroll.training.threads import choose_threads


@pytest.fixture(autouse=True)
def threads_stay_as_they_were():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def machine(monkeypatch):
    """A machine with so many processors, where a step takes as long as `cost` says."""

    def machine(processors, cost):
        clock = SimpleNamespace(now=0.0)
        monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(processors)))
        monkeypatch.setattr(threads, "time", SimpleNamespace(perf_counter=lambda: clock.now))

        def work():
            clock.now += cost(torch.get_num_threads())

        return work

    return machine


@pytest.mark.parametrize(
    ("processors", "cost", "best"),
    [
        (8, lambda n: 0.1 / n, 8),
        (8, lambda n: 0.1 * n, 1),
        (8, lambda n: 0.1 + abs(n - 4), 4),
        (6, lambda n: 0.1 / n, 4),  # powers of two
        (4, lambda n: 5.0, 1),  # slow steps too; fewer where it makes no difference
    ],
)
def test_the_fastest_is_set_and_said(machine, processors, cost, best):
    found, said = choose_threads(machine(processors, cost))
    assert found == torch.get_num_threads() == best
    assert said.startswith(f"{best} thread") and f"1: {1e3 * cost(1):.1f} ms" in said


@pytest.mark.parametrize(
    ("cost", "most", "best", "calls"),
    [
        (lambda n: 1.0, 1.8, 4, 2),  # too slow to be timed
        (lambda n: 1.0 * n, 14.5, 1, 7),  # each once, and the first twice
        (lambda n: 0.001 * n, 20.0, 1, 30),
    ],
)
def test_a_timing_ends_with_its_share_of_the_budget(machine, cost, most, best, calls):
    made = []
    work = machine(4, cost)
    found, said = choose_threads(lambda: made.append(work()), most=most)
    assert (found, torch.get_num_threads(), len(made)) == (best, best, calls)
    assert ("a step is slow" in said) == (calls == 2)


def test_one_processor_needs_no_timing(machine):
    def work():
        raise AssertionError("timed")

    machine(1, lambda n: 1.0)
    assert choose_threads(work) == (1, "1 thread: there is one processor")


def test_one_slow_moment_decides_nothing(machine):
    calls = iter(range(10_000))
    work = machine(2, lambda n: 0.01 / n + (10.0 if next(calls) == 3 else 0.0))
    assert choose_threads(work, seconds=100.0)[0] == 2
