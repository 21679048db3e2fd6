"""Words with tags behind a separator, told from other texts."""

import pytest

from unroll.data.problems import Problems
from unroll.tasks.tag.slashed import find_slash_form, read_slashed


@pytest.mark.parametrize(
    ("line", "separator"),
    [
        ("The/DT dog/NN 1/2/CD ran/VBD //SYM ./.", "/"),
        ("The_DET dog_NOUN ran_VERB in_house_NOUN", "_"),
        ("The|DT dog|NN ran|VB off|RP", "|"),
        ("and/or he/she is none of these words", None),
        ("images/a.png images/b.png images/c.png images/d.png", None),
        ("1/2 3/4 5/6 1/2 3/4 5/6", None),
        ("https://a.b/c https://a.b/d", None),
        ("", None),
    ],
)
def test_form(line, separator):
    found = find_slash_form([line] * 3)
    if line.startswith("images"):
        found = find_slash_form([line])
    assert (found and found.separator) == separator


def test_words_hold_separators(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1/2/CD //SYM\r\n\r\n a/X\tb/Y \n")
    form = find_slash_form(["a/X b/X c/Y d/Y"])
    found = list(read_slashed(path, "a", form, Problems()))
    assert [s.words for s in found] == [("1/2", "/"), ("a", "b")]
    assert [s.tags for s in found] == [("CD", "SYM"), ("X", "Y")]
    path.write_text("plain a/X\n")
    (found,) = read_slashed(path, "a", form, Problems(), tags=False)
    assert (found.words, found.tags) == (("plain", "a"), None)
