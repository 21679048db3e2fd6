import math

import pytest

from unroll.errors import UserError
from unroll.inspect.probing.label_files import read_labelled_texts
from unroll.inspect.probing.rules import LabelledFile

UNIVERSAL = """# text = The cats sat.
1\tThe\tthe\tDET\t_\t_\t2\tdet\t_\t_
2-3\tcatssat\t_\t_\t_\t_\t_\t_\t_\t_
2\tcats\tcat\tNOUN\t_\tCase=Nom|Number=Plur\t3\tnsubj\t_\t_
3\tsat\tsit\tVERB\t_\tNumber=Sing\t0\troot\t_\tSpaceAfter=No
4\t.\t.\tPUNCT\t_\t_\t3\tpunct\t_\t_
"""


def read(tmp_path, text, column=None, value=None, name="labels.tsv"):
    path = tmp_path / name
    path.write_text(text)
    return read_labelled_texts(LabelledFile(str(path), column, value))


def test_words_and_numbers(tmp_path):
    first, second = read(tmp_path, "the\t0\ncats\t1\n\nall\t-\nof\t0.5\n")
    assert first.words == ["the", "cats"] and first.labels == [0, 1] and first.text == "the cats"
    assert math.isnan(second.labels[0]) and second.labels[1] == 0.5
    assert read(tmp_path, "the O\ncats B\n", value="^B$")[0].labels == [0, 1]  # apart by spaces


def test_a_treebank(tmp_path):
    (found,) = read(tmp_path, UNIVERSAL, 6, "Number=Plur", "a.conllu")
    assert found.words == ["The", "cats", "sat", "."] and found.labels == [0, 1, 0, 0]
    assert found.text == "The cats sat."
    assert found.labels_of(list("The cats sat.")) == [0] * 4 + [1] * 5 + [0] * 4
    assert found.labels_of(["the", "<unk>", "sat", "."])[0] == 0
    assert math.isnan(found.labels_of(["the", "<unk>", "sat", "."])[1])


def test_characters(tmp_path):
    (found,) = read(tmp_path, "a\t0\n\\s\t0\n(\t1\n")
    assert found.text == "a (" and found.labels == [0, 0, 1]


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_labelled_texts(LabelledFile(str(tmp_path / "none.tsv")))
    with pytest.raises(UserError, match="are no numbers: B, I"):
        read(tmp_path, "a\tB\nb\tB\nc\tI\n")
    with pytest.raises(UserError, match="line 2 has 2 columns; expected 3"):
        read(tmp_path, "a\tB\tC\nb\tB\n")
    with pytest.raises(UserError, match="in column 4"):
        read(tmp_path, "a\t1\n", 4)
    with pytest.raises(UserError, match="has no words"):
        read(tmp_path, "\n\n")
