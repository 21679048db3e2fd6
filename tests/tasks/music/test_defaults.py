"""Settings that were left open get their values."""

import pytest

from unroll.cells import GRUCell
from unroll.errors import UserError
from unroll.tasks.music.defaults import resolve, resolve_sizes
from unroll.tasks.music.preprocessor import MusicPreprocessor
from unroll.tasks.music.settings import MusicSettings
from unroll.tasks.music.task import MusicTask


def test_open_settings_get_their_values(data):
    settings = resolve(resolve_sizes(MusicSettings(steps=9), GRUCell), data)
    assert (settings.hidden, settings.embedding, settings.batch_size) == (512, 128, 8)
    assert settings.dropout == settings.dropout_input == 0.3 and settings.learning_rate == 3e-3
    given = resolve(MusicSettings(steps=9, dropout=0.1, optimizer="sgd", hidden=7), data)
    assert given.dropout_input == 0.1 and given.learning_rate == 0.3


def test_tied_weights_have_an_embedding_as_wide_as_the_output():
    settings = resolve_sizes(MusicSettings(tie=True, hidden=12), GRUCell)
    assert settings.embedding == 12
    preprocessor = MusicPreprocessor.learn(["X:1\nK:G\nG2B|A3|\n"] * 2, "abc", min_count=1)
    assert MusicTask().build_network(settings, preprocessor, GRUCell).weight is None
    with pytest.raises(UserError, match="needs --set embedding=12"):
        resolve_sizes(MusicSettings(tie=True, hidden=12, embedding=8), GRUCell)
