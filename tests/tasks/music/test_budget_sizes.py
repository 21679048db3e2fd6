"""Sizes follow the seconds and the tunes; what was given stays."""

import pytest

from unroll.cells import LSTMCell
from unroll.tasks.music.budget_sizes import best_dropout, best_rate
from unroll.tasks.music.defaults import resolve, resolve_sizes
from unroll.tasks.music.settings import MusicSettings


@pytest.fixture
def step(monkeypatch):
    """A step of the reference takes so long."""
    name = "unroll.tasks.reference_step.step_seconds"
    monkeypatch.setattr(
        name, lambda settings, vocabulary, units, most, tie: 0.05 * (units / 256) ** 1.2
    )


def test_what_is_left_open_is_fitted_and_what_was_given_stays(data, step):
    open_settings = resolve_sizes(MusicSettings(seconds=60), LSTMCell)
    assert open_settings.hidden is None
    found = resolve(open_settings, data)
    assert found.hidden == found.embedding == 32  # there are few tunes
    assert found.dropout == found.dropout_input == 0.3 and found.learning_rate == best_rate(32, 1)
    given = MusicSettings(seconds=60, hidden=48, dropout=0.0, learning_rate=0.1, batch_size=3)
    kept = resolve(resolve_sizes(given, LSTMCell), data)
    values = (kept.hidden, kept.embedding, kept.dropout, kept.learning_rate, kept.batch_size)
    assert values == (48, 128, 0.0, 0.1, 3)
    fixed = resolve(resolve_sizes(MusicSettings(epochs=2), LSTMCell), data)
    assert (fixed.hidden, fixed.embedding) == (512, 128)


def test_tunes_that_are_read_often_have_more_dropout_and_large_networks_lower_rates():
    assert [best_dropout(epochs) for epochs in (0.1, 2, 4, 1000)] == [0, 0, 0.1, 0.3]
    assert [best_rate(hidden, 1) for hidden in (32, 192, 1024)] == [0.008, 0.0078, 0.002]
