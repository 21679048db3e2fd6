"""Sentences stay readable whatever the data are that they quote."""

from unroll.errors import UserError, shorten_long_words


def test_quoted_data_without_spaces_is_shortened():
    sentence = str(UserError(f"a.csv, line 3: {'[' * 2000!r} is not a number. Fix the line."))
    assert len(sentence) < 150
    assert sentence.startswith("a.csv, line 3: '[[[") and sentence.endswith("Fix the line.")


def test_words_and_paths_are_kept():
    path = "/a/long/path" * 12
    sentence = f"There is no file {path}; expected a table, and {'x' * 119}."
    assert shorten_long_words(sentence) == sentence
