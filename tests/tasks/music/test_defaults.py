"""Settings that were left open get their values."""

from unroll.cells import GRUCell
from unroll.tasks.music.defaults import resolve, resolve_sizes
from unroll.tasks.music.settings import MusicSettings


def test_open_settings_get_their_values():
    settings = resolve(resolve_sizes(MusicSettings(), GRUCell))
    assert (settings.hidden, settings.embedding, settings.batch_size) == (512, 128, 8)
    assert settings.dropout == settings.dropout_input == 0.3 and settings.learning_rate == 3e-3
    given = resolve(MusicSettings(dropout=0.1, optimizer="sgd", hidden=7))
    assert given.dropout_input == 0.1 and given.learning_rate == 0.3
