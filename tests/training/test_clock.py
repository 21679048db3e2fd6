"""Seconds of a run count from where its command began."""

import subprocess
import sys
from types import SimpleNamespace

from unroll.training import clock
from unroll.training.clock import Clock, clock_started


def test_a_clock_starts_where_it_is_made_or_where_its_command_began(monkeypatch):
    now = SimpleNamespace(time=100.0)
    monkeypatch.setattr(
        clock, "time", SimpleNamespace(perf_counter=lambda: now.time, process_time=lambda: 5.5)
    )
    with clock_started(1.0):
        now.time = 106.0
        early = Clock()
    late = Clock()
    now.time = 110.0
    assert (early.seconds, late.seconds) == (11.0, 4.0)
    # the process had half of the time
    assert (early.exit_seconds, late.exit_seconds) == (2 * clock.EXIT_SECONDS, 0.0)


def test_a_process_knows_its_age_or_says_nothing():
    program = (
        "import time; time.sleep(0.5); from unroll.training.clock import *; print(process_age())"
    )
    age = float(
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    )
    assert age == 0 or 0.4 < age < 300
