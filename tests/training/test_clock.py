"""Seconds of a run count from where its command began."""

from types import SimpleNamespace

from unroll.training import clock
from unroll.training.clock import Clock, clock_started


def test_a_clock_starts_where_it_is_made_or_where_its_command_began(monkeypatch):
    now = SimpleNamespace(time=100.0)
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: now.time))
    with clock_started():
        now.time = 107.0
        early = Clock()
    late = Clock()
    now.time = 110.0
    assert (early.seconds, late.seconds) == (10.0, 3.0)
