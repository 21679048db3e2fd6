"""Sentences are split as tagged corpora split them."""

import pytest

from unroll.tasks.tag.words import LONGEST_WORD, shorten_word, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("She left San Marino.", "She left San Marino ."),
        (
            "See https://a.b/c?d=e, or mail x.y@z.org!",
            "See https://a.b/c?d=e , or mail x.y@z.org !",
        ),
        ("The U.S. won 3.5 to 1/2 at 10:30...", "The U.S. won 3.5 to 1/2 at 10:30 ..."),
        ("@home #win!!", "@home #win !!"),
        ("", ""),
    ],
)
def test_words_and_punctuation(text, words):
    assert split_words(text) == words.split()


def test_apostrophes_are_split_as_the_training_set_has_them():
    known = {"do", "n't", "it", "'s", "o'clock"}
    assert split_words("don't it's o'clock Sam's", known) == [
        "do", "n't", "it", "'s", "o'clock", "Sam's",
    ]  # fmt: skip


def test_a_long_word_is_read_by_its_ends():
    word = "a" * 40 + "b" * 40
    assert shorten_word(word) == "a" * 16 + "b" * 16
    assert shorten_word("a" * LONGEST_WORD) == "a" * LONGEST_WORD
