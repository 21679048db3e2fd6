"""Settings that were left open get values that fit text and cell."""

import pytest

from unroll.cells import GRUCell
from unroll.errors import UserError
from unroll.tasks.language.defaults import DEFAULTS, ONLINE_BLOCK, resolve, resolve_sizes
from unroll.tasks.language.reader import read_corpus
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


@pytest.mark.parametrize(("count", "block"), [(1, 5), (8, 40), (20, 100), (26, 64), (80, 64)])
def test_the_whole_of_a_short_text_is_one_block(prepared, tmp_path, count, block):
    (tmp_path / "hello.txt").write_text("hello" * count)
    given = LanguageSettings()
    corpus = read_corpus(tmp_path / "hello.txt", given)
    settings = resolve(resolve_sizes(given, GRUCell), corpus)
    assert settings.block == block and not corpus.held_out and settings.valid_size == 0
    assert (settings.dropout, settings.epochs, settings.unknown) == (0.0, 1, "never")
    assert settings.batch_size == max(1, min(16, 5 * count // 64 - 1))


def test_a_short_text_has_few_units_unless_they_are_given(prepared, tmp_path):
    (tmp_path / "hello.txt").write_text("hello")

    def sizes(**options):
        given = LanguageSettings(**options)
        settings = resolve_sizes(given, GRUCell)
        settings = resolve(settings, read_corpus(tmp_path / "hello.txt", given))
        return settings.hidden, settings.embedding

    assert sizes() == sizes(steps=9) == (16, 16)
    assert sizes(hidden=3) == (3, 3) and sizes(hidden=384, steps=9) == (384, 128)
    assert sizes(embedding=4, steps=9) == (16, 4) and sizes(embedding=4) == (16, 4)


def test_a_text_shorter_than_two_blocks_is_refused_for_other_truncations(prepared):
    with pytest.raises(UserError, match="shorter than two blocks"):
        prepared("a rose is a rose", block=64, truncation="overlapping")
