"""Tables of research archives: the same rows as from a .csv."""

import pytest

from unroll.data.files.tables import open_table
from unroll.data.problems import Problems
from unroll.errors import UserError


def read(path, problems=None):
    table = open_table(path)
    return table.names, [row.cells for row in table.rows(problems or Problems())]


def test_arff(tmp_path):
    (tmp_path / "a.arff").write_text(
        "% a comment\n@RELATION gun\n@attribute 'the text' string\n@attribute x numeric\n"
        "@ATTRIBUTE target {1, 'a b'}\n\n@DATA\n'it\\'s, well',1.5,1\n% more\nplain, ?, 'a b'\n"
    )
    assert read(tmp_path / "a.arff") == (
        ("the text", "x", "target"),
        [["it's, well", "1.5", "1"], ["plain", "", "a b"]],
    )


def test_ts_of_one_and_of_several_dimensions_and_lengths(tmp_path):
    path = tmp_path / "a.ts"
    path.write_text("@problemName x\n@classLabel true 1 2\n@data\n1,2,3:1\n4,?:2\n")
    names, rows = read(path)
    assert names == ("d1_1", "d1_2", "d1_3", "class")
    assert rows == [["1", "2", "3", "1"], ["4", "", "", "2"]]
    path.write_text("@classLabel true a b\n@data\n1,2:3,4:a\n5,6:7:b\n")
    problems = Problems(skip=True)
    assert read(path, problems) == (
        ("d1_1", "d2_1", "d1_2", "d2_2", "class"),
        [["1", "3", "2", "4", "a"]],
    )
    assert "line 4: 2 dimensions of 1 and 2 steps" in problems.messages()[1]


def test_what_is_missing_is_told(tmp_path):
    for name, content in {
        "a.arff": "@relation x\n@data\n1\n",
        "b.arff": "@attribute x relational\n@data\n1\n",
        "c.ts": "@classLabel true\n@data\n",
        "d.ts": "@timeStamps true\n@data\n(0,1):a\n",
    }.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(UserError, match=name):
            open_table(tmp_path / name)
