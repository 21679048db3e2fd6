"""A step of a usual network is timed, from which the size for a budget follows."""

import torch

from unroll.settings import RecurrentSettings
from unroll.tasks.reference_step import (
    UNITS,
    reference_cost,
    reference_seconds,
    reference_steps,
    step_cost,
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
    assert 0 < reference_seconds(RecurrentSettings(threads=1), 20, 0.1) < 60
    assert torch.equal(torch.rand(3), expected) and torch.get_num_threads() == threads


def test_steps_of_a_budget_follow_from_the_time_of_one(monkeypatch):
    name = "unroll.tasks.reference_step.reference_seconds"
    monkeypatch.setattr(name, lambda settings, vocabulary, most, tie: 0.05)
    assert reference_steps(RecurrentSettings(seconds=60), 20, tie=False) == 0.8 * 60 / 0.05
    assert reference_steps(RecurrentSettings(seconds=2), 20, tie=False) == 0.8 * 2 / 0.04
    assert reference_cost(20, tie=True) == step_cost(256, 256, 20) == 4 * 256 * 512 + 256 * 20
