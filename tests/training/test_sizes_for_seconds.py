"""Sizes that fit the seconds of a run."""

import torch

from unroll.settings import RecurrentSettings
from unroll.training.sizes_for_seconds import SizeCurve, may_choose_size, seconds_of_step

CURVE = SizeCurve(known_steps=100, known_units=128, growth=0.5, smallest=32, largest=512)


def test_more_time_gives_more_units_up_to_the_bounds():
    assert CURVE.units(100, tokens=10**9) == 128
    assert CURVE.units(400, tokens=10**9) == 256
    assert CURVE.units(10**9, tokens=10**9) == 512 and CURVE.units(0, tokens=10**9) == 32
    assert CURVE.units(10**9, tokens=48**2) == 48  # not more weights than tokens


def test_a_step_is_timed_and_the_threads_stay():
    before, calls = torch.get_num_threads(), []
    found = seconds_of_step(lambda: calls.append(torch.get_num_threads()), 1, 1.0)
    assert found >= 0 and set(calls) == {1} and len(calls) == 4
    assert torch.get_num_threads() == before
    calls.clear()
    seconds_of_step(lambda: calls.append(torch.get_num_threads()), None, 0.0)
    assert 1 in calls and torch.get_num_threads() == before


def test_only_usual_networks_on_a_budget_of_seconds_are_sized():
    assert may_choose_size(RecurrentSettings(seconds=9))
    for other in ({"steps": 3}, {"epochs": 2}, {"cell": "rnn"}, {"device": "cuda"}):
        assert not may_choose_size(RecurrentSettings(**other))
