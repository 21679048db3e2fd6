"""N-grams of texts in hashed columns."""

import numpy as np

from unroll.tasks.translate.ngrams import character_ngrams, normalised, word_ngrams, words_of


def test_words_marks_and_characters_of_scripts_without_spaces():
    assert words_of("J'ai 2 chats_noirs!") == ["J", "'", "ai", "2", "chats_noirs", "!"]
    assert words_of("東京タワー on TV") == ["東", "京", "タ", "ワ", "ー", "on", "TV"]


def test_every_ngram_is_counted_once_for_each_place():
    words = word_ngrams(["a b a b", "", "B"])
    assert words.sum(1).tolist() == [7, 0, 1]  # a a b b, ab ba ab
    assert sorted(words.toarray()[0][words.toarray()[0] > 0].tolist()) == [1, 2, 2, 2]
    characters = character_ngrams(["ab", ""])  # " ab ": 3 + 2 + 1 n-grams; "  ": one
    assert characters.sum(1).tolist() == [6, 1]


def test_ngrams_do_not_reach_over_texts_and_do_not_depend_on_neighbours():
    together, alone = character_ngrams(["red dog", "cat"]), character_ngrams(["cat"])
    assert (together[[1]] != alone).nnz == 0


def test_rows_are_divided_by_their_lengths():
    rows = normalised(word_ngrams(["a b", "", "c c"]))
    lengths = np.sqrt((rows.toarray() ** 2).sum(1))
    np.testing.assert_allclose(lengths, [1, 0, 1], rtol=1e-6)
