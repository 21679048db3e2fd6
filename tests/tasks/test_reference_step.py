"""A step of a usual network is timed, from which the size for a budget follows."""

import torch

from unroll.settings import RecurrentSettings
from unroll.tasks.reference_step import (
    UNITS,
    reference_cost,
    step_cost,
    step_seconds,
    steps_and_units,
)


def test_more_time_and_more_text_are_for_larger_networks():
    by_time = [UNITS.units(steps, 10**6) for steps in (1, 200, 600, 2400, 12_000, 10**6)]
    assert by_time == sorted(by_time) and by_time[0] == 32 and by_time[2] in (160, 192)
    assert by_time[-1] <= 1024
    by_text = [UNITS.units(10**5, tokens) for tokens in (10, 1000, 150_000, 10**6)]
    assert by_text == sorted(by_text) and by_text[0] == by_text[1] == 32 and by_text[2] == 384


def test_timing_leaves_no_trace():
    threads = torch.get_num_threads()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    assert 0 < step_seconds(RecurrentSettings(threads=1), 20, 64, 0.1) < 60
    assert torch.equal(torch.rand(3), expected) and torch.get_num_threads() == threads


def test_steps_and_units_of_a_budget_follow_from_the_time_of_steps(monkeypatch):
    def timed(settings, vocabulary, units, most, tie):
        calls.append(units)
        return 0.05 * (units / 256) ** power

    def found(**settings):
        calls.clear()
        return steps_and_units(RecurrentSettings(**settings), 20, 10**6, tie=False)

    calls, power = [], 1.2
    monkeypatch.setattr("unroll.tasks.reference_step.step_seconds", timed)
    assert found(seconds=60) == (0.8 * 60 / 0.05, 224) and calls == [256, 224, 160, 320]
    assert found(seconds=60, seeds=2) == (0.8 * 30 / 0.05, 160)
    assert found(seconds=2) == (0.8 * 2 / 0.04, 48) and not calls
    assert found(seconds=60, hidden=8) == (0.8 * 60 / 0.05, 8) and calls == [256]
    power = 0.0
    assert found(seconds=60)[1] == 320  # wide layers cost nothing here
    assert reference_cost(20, tie=True) == step_cost(256, 256, 20) == 4 * 256 * 512 + 256 * 20
