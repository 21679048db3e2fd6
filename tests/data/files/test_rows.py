"""A table is names and rows, wherever they come from."""

from unroll.data.files.rows import Row, TableRows, as_word
from unroll.data.problems import Problems


def test_rows_are_read_as_often_as_needed_and_bad_ones_passed_over():
    def read(problems):
        yield Row(1, ["a", 1])
        problems.bad("row 2")
        yield Row(3, [None, [1.5, "é"]])

    table = TableRows("data", ("text", "label"), read)
    for _ in range(2):
        assert table.first_rows(9) == [["a", "1"], ["", '[1.5, "é"]']]
    assert table.first_rows(1) == [["a", "1"]]
    problems = Problems(skip=True)
    assert len(list(table.rows(problems))) == 2 and problems.count == 1


def test_cells_as_words():
    assert [as_word(c) for c in ("a", 1, 1.0, None, True)] == ["a", "1", "1.0", "", "true"]
