import numpy as np
import pytest

from unroll.data.encoded import Encoded
from unroll.errors import UserError
from unroll.inspect.text_windows import read_encoded, text_windows


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
