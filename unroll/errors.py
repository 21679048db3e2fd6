"""The one error that is meant for a person."""

from __future__ import annotations

import re

LONGEST_WORD = 120  # characters of data that a sentence quotes without a space
LONGEST_PATH = 255
LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")


class UserError(ValueError):
    """What was given, what was expected, what to do, in a sentence.

    The command line prints it without a traceback and exits with 2. Data that the sentence quotes
    is shortened where it has no space for more than 120 characters.

    Examples:
        >>> from unroll.errors import UserError
        >>> len(str(UserError("a.csv, line 1: '" + "9" * 5000 + "' is not a number.")))
        113
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(shorten_long_words(sentence))


def shorten_long_words(sentence: str) -> str:
    """The sentence with an ellipsis in the middle of words of more than 120 characters.

    A path of up to 255 characters is kept: it has to be found.
    """

    def shortened(word: re.Match[str]) -> str:
        text = word[0]
        if "/" in text and len(text) <= LONGEST_PATH:
            return text
        half = LONGEST_WORD // 3
        return f"{text[:half]}…{text[-half:]}"

    return LONG_WORD.sub(shortened, sentence)


class BackendError(UserError, RuntimeError):
    """The requested backend cannot run a cell or a call."""
