"""The settings of a translator that were left open."""

from dataclasses import dataclass

import pytest

from unroll.cells import GRUCell
from unroll.errors import UserError
from unroll.tasks.translate.defaults import resolve, resolve_sizes
from unroll.tasks.translate.settings import TranslateSettings


@dataclass
class Pairs:
    """Data of which only the number of pairs is asked."""

    train: range
    preprocessor: None = None


def test_every_open_setting_gets_a_value():
    settings = resolve(
        resolve_sizes(TranslateSettings(level="char", steps=9), GRUCell), Pairs(range(40))
    )
    sizes = (settings.hidden, settings.encoder_hidden, settings.embedding, settings.batch_size)
    assert sizes == (256, 128, 64, 40)
    assert (settings.dropout, settings.dropout_input, settings.word_dropout) == (0.1, 0.1, 0.0)
    assert settings.learning_rate == 3e-3


def test_what_was_given_stays():
    given = TranslateSettings(hidden=8, encoder_hidden=3, dropout=0.0, optimizer="sgd")
    settings = resolve(resolve_sizes(given, GRUCell), Pairs(range(1000)))
    assert (settings.hidden, settings.encoder_hidden, settings.batch_size) == (8, 3, 64)
    assert (settings.dropout, settings.dropout_input, settings.learning_rate) == (0.0, 0.0, 0.3)


def test_dot_attention_needs_an_encoder_as_wide_as_the_decoder():
    with pytest.raises(UserError, match="2 x 3 outputs and the decoder 8"):
        resolve_sizes(TranslateSettings(attention="dot", hidden=8, encoder_hidden=3), GRUCell)


def test_sizes_for_seconds_wait_for_the_pairs():
    assert resolve_sizes(TranslateSettings(seconds=60.0), GRUCell).hidden is None
    assert resolve_sizes(TranslateSettings(seconds=60.0, hidden=96), GRUCell).encoder_hidden == 48
    assert resolve_sizes(TranslateSettings(seconds=60.0, cell="jordan"), GRUCell).hidden == 512
