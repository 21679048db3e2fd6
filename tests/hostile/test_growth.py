"""Time against size: four times as much data takes about four times as long, not sixteen times."""

import pytest

from tests.hostile.growth import PATTERNS, growth

MOST = 10  # between linear, 4, and quadratic, 16: processor time is noisy on a busy machine


@pytest.mark.parametrize("name", PATTERNS)
def test_readers_are_not_quadratic(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small, times = growth(PATTERNS[name])
    if times >= MOST:  # once more, before it is called quadratic
        small, times = growth(PATTERNS[name])
    assert times < MOST, f"{small:.2f} s, and {times:.1f} times as long for four times as much"
