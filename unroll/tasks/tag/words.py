"""A sentence as people type it, split into words as tagged corpora split them."""

from __future__ import annotations

import re
from collections.abc import Container

WORD = re.compile(
    r"(?:https?://|www\.)\S*[^\s.,;:!?)\]}'\"]"  # an address
    r"|[\w.+-]+@\w[\w.-]*\w"
    r"|[@#]\w+"
    r"|\w+(?:[.,:/]\d+)+(?:\w|%)?"  # 3.5, 10:30, 1/2
    r"|(?:[^\W\d_]\.){2,}"  # U.S.
    r"|\w+(?:['’]\w+)*"
    r"|([^\w\s])\1*"  # ... and !!!
)
LONGEST_WORD = 32  # letters; of a longer word the first and the last 16 are read
APOSTROPHES = re.compile(r"(?=['’])")


def split_words(text: str, known: Container[str] = ()) -> list[str]:
    """The words and punctuation of a sentence.

    Args:
        text: the sentence.
        known: words of the training set. A word with an apostrophe that is not among them is split
            where both parts are, as the training set has them: do + n't, it + 's.

    Examples:
        >>> from unroll.tasks.tag.words import split_words
        >>> split_words("It's 3.5 miles, isn't it?", {"It", "'s", "is", "n't"})
        ['It', "'s", '3.5', 'miles', ',', 'is', "n't", 'it', '?']
    """
    words: list[str] = []
    for match in WORD.finditer(text):
        words += split_at_apostrophe(match.group(), known)
    return words


def split_at_apostrophe(word: str, known: Container[str]) -> list[str]:
    """The two known parts of an unknown word, or the word."""
    if word in known:
        return [word]
    for mark in APOSTROPHES.finditer(word):
        for at in (mark.start(), mark.start() - 1):  # it|'s before do|n't
            if at > 0 and word[:at] in known and word[at:] in known:
                return [word[:at], word[at:]]
    return [word]


def shorten_word(word: str) -> str:
    """The letters of a word that are read."""
    half = LONGEST_WORD // 2
    return word if len(word) <= LONGEST_WORD else word[:half] + word[-half:]
