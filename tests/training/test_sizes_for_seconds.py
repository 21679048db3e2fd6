"""Sizes that fit the seconds of a run."""

import pytest
import torch

from unroll.settings import RecurrentSettings
from unroll.training.sizes_for_seconds import (
    SizeCurve,
    fit_units,
    may_choose_size,
    seconds_of_step,
)

UNITS = SizeCurve(known_steps=600, known_units=180, growth=0.45, smallest=32, largest=1024)
CURVE = SizeCurve(known_steps=100, known_units=128, growth=0.5, smallest=32, largest=512)


def test_more_time_gives_more_units_up_to_the_bounds():
    assert CURVE.units(100, tokens=10**9) == 128
    assert CURVE.units(400, tokens=10**9) == 256
    assert CURVE.units(10**9, tokens=10**9) == 512 and CURVE.units(0, tokens=10**9) == 32
    assert CURVE.units(10**9, tokens=48**2) == 48  # not more weights than tokens


@pytest.mark.parametrize("curve", [CURVE, UNITS, SizeCurve(40_000, 512, 0.4, 64, 2048, cost=1.0)])
@pytest.mark.parametrize("steps", [100, 1000, 10_000])
def test_the_excess_is_lowest_on_the_curve(curve, steps):
    sizes = [8 * k for k in range(1, 400)]
    time = {units: (units / curve.reference) ** curve.cost for units in sizes}
    best = min(sizes, key=lambda units: curve.excess(units, steps / time[units]))
    expected = curve.known_units * (steps / curve.known_steps) ** curve.growth
    assert best == pytest.approx(expected, abs=8)


@pytest.mark.parametrize(
    ("time", "most", "found", "timed"),
    [
        (lambda h: (h / 256) ** 1.2, 9.0, 256, [256, 192, 352]),  # as usual
        (lambda h: (h / 256) ** 1.2 * (3 if h >= 256 else 1), 9.0, 192, [256, 192, 352]),
        (lambda h: 1.0, 9.0, 352, [256, 192, 352]),  # wide layers cost nothing
        (lambda h: 1.0, 0.0, 256, [256]),  # no time for another one
    ],
)
def test_a_machine_that_is_unusual_gets_another_size(time, most, found, timed, caplog):
    calls = []

    def measure(units):
        calls.append(units)
        return time(units)

    with caplog.at_level("INFO", logger="unroll"):
        units = fit_units(CURVE, 400.0, 1.0, 10**9, measure, most)
    assert (units, calls) == (found, timed) and f"{found} units fit the seconds" in caplog.text


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
