"""Pretrained word vectors."""

import numpy as np
import pytest

from unroll.errors import UserError
from unroll.tasks.tag.word_vectors import read_vectors, vector_size


def file(tmp_path, text):
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_a_header_may_be_there(tmp_path, header):
    path = file(tmp_path, header + "the 0.5 1\nrose -1 2e-3\nthe 9 9\n")
    assert vector_size(path) == 2
    found = read_vectors(path, {"the", "lily"})
    assert list(found) == ["the"]
    np.testing.assert_array_equal(found["the"], np.array([0.5, 1], dtype=np.float32))


def test_a_word_may_hold_spaces(tmp_path):
    path = file(tmp_path, "a 1 2\n. . . 3 4\n")
    assert list(read_vectors(path, {". . ."})) == [". . ."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "does not begin with word vectors"),
        ("<html>\n", "does not begin with word vectors"),
        ("a 1 2\nrose 1\n", "line 2"),
        ("a 1 2\nrose 1 x\n", "line 2"),
        ("a 1 2\nrose 1 nan\n", "line 2"),
    ],
)
def test_what_is_not_a_vector_is_refused(tmp_path, text, expected):
    path = file(tmp_path, text)
    with pytest.raises(UserError, match=expected):
        read_vectors(path, {"rose"})
