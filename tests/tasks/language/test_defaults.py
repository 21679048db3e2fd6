"""Settings that were left open get values that fit text and cell."""

import pytest

from unroll.cells import GRUCell
from unroll.errors import UserError
from unroll.tasks.language.defaults import DEFAULTS, ONLINE_BLOCK, resolve_sizes
from unroll.tasks.language.settings import LanguageSettings


def test_characters_are_not_tied_and_words_are():
    characters = resolve_sizes(LanguageSettings(steps=9), GRUCell)
    assert (characters.hidden, characters.embedding, characters.tie) == (384, 128, False)
    words = resolve_sizes(LanguageSettings(level="word", steps=9), GRUCell)
    assert (words.hidden, words.embedding, words.tie) == (256, 256, True)


def test_tied_weights_need_an_embedding_as_wide_as_the_output():
    with pytest.raises(UserError, match="needs --set embedding=16"):
        resolve_sizes(LanguageSettings(tie=True, hidden=16, embedding=8), GRUCell)


def test_what_was_given_stays_and_the_rest_is_resolved(prepared):
    _, settings = prepared(batch_size=3, learning_rate=0.5, steps=9)
    assert (settings.batch_size, settings.learning_rate) == (3, 0.5)
    assert settings.dropout == DEFAULTS["char"]["dropout"] and settings.dropout_input == 0.0


def test_online_learning_has_short_blocks_unless_they_are_given():
    assert resolve_sizes(LanguageSettings(online="snap1"), GRUCell).block == ONLINE_BLOCK
    assert resolve_sizes(LanguageSettings(online="snap1", block=5), GRUCell).block == 5


def test_a_text_shorter_than_two_blocks_is_refused(prepared):
    with pytest.raises(UserError, match="shorter than two blocks"):
        prepared("a rose is a rose", block=64)
