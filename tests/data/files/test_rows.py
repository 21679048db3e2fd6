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


def test_rows_are_sampled_throughout_whatever_the_size():
    def read(problems):
        return (Row(k, [k]) for k in range(5000))

    found = [int(cells[0]) for cells in TableRows("data", ("k",), read).sampled_rows(100)]
    assert found[:100] == list(range(100)) and 200 < len(found) <= 300 and found[-1] > 4900
    far = TableRows("data", ("k",), read, far=lambda: iter([Row(0, ["x"])]))
    assert far.sampled_rows(100)[100:] == [["x"]] and far.sampled_rows(9999)[-1] == ["4999"]
