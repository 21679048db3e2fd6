from types import SimpleNamespace

import numpy as np
import pytest

from unroll.data.encoded import Encoded
from unroll.errors import UserError
from unroll.inspect.text_windows import read_encoded, text_windows, windows_before


def test_windows_are_spaced_over_the_text_and_end_at_their_loss():
    found = text_windows(Encoded(np.arange(1001), 1000, 0), 100, 4, "it")
    assert found.before.shape == (256, 4) and found.x.shape == (100, 4)
    assert found.before[0, 0] == 0 and found.y[-1] == 1000
    assert (found.x[0] == found.before[-1] + 1).all() and (found.y == found.x[-1] + 1).all()


def test_of_lines_the_longest_are_windows():
    lines = Encoded(np.arange(12), 9, 0, starts=np.array([0, 3, 9]))
    windows = text_windows(lines, None, 1, "it")
    assert windows.steps == 6 and windows.before.shape == (0, 1)
    assert windows.x[:, 0].tolist() == [3, 4, 5, 6, 7, 8] and windows.y.tolist() == [9]
    with pytest.raises(UserError, match="longest line of it has 6 tokens, and --length is 7"):
        text_windows(lines, 7, 1, "it")


def test_a_text_is_read_in_the_vocabulary_of_the_run(language, runs):
    encoded = read_encoded(language, str(runs["language"].parent / "text.txt"))
    read = language.vocabulary.decode(encoded.ids[:20].tolist())
    assert "The wind said" in read


def encoded_text(ids, starts=None):
    starts = None if starts is None else np.array(starts)
    return SimpleNamespace(ids=np.array(ids), starts=starts, categories=None, tokens=len(ids) - 1)


def test_windows_end_before_the_last_occurrences_of_a_token():
    ids = [1, 2, 9, 3, 4, 5, 9, 6, 7, 8, 9, 1]
    found = windows_before(encoded_text(ids), 9, 3, 2, "it")
    assert found.y.tolist() == [9, 9] and found.x.T.tolist() == [[6, 7, 8], [3, 4, 5]]
    assert found.before.shape == (3, 2)
    longest = windows_before(encoded_text(ids), 9, None, 1, "it")
    assert longest.steps == 10 and longest.x[0, 0] == 1
    with pytest.raises(UserError, match="no place with 20 tokens before it"):
        windows_before(encoded_text(ids), 9, 20, 1, "it")


def test_in_lines_a_window_begins_with_its_line():
    ids, starts = [0, 1, 9, 0, 1, 2, 3, 9, 0, 4, 9, 0], [0, 3, 8]
    found = windows_before(encoded_text(ids, starts), 9, None, 8, "it")
    assert found.x.T.tolist() == [[0, 1, 2, 3]] and found.before.shape == (0, 1)
    two = windows_before(encoded_text(ids, starts), 9, 2, 8, "it")
    assert two.x.shape == (2, 3)
