import numpy as np
import pandas
import pytest

from unroll.errors import UserError
from unroll.in_memory.inputs import column_of_inputs, read_inputs, refuse_empty_rows, table_as_file
from unroll.in_memory.tables import read_columns


def test_one_and_several():
    assert read_inputs("a", None).single and read_inputs("a", None).items == ["a"]
    assert read_inputs({"text": "a"}, None).single
    assert not read_inputs(["a", "b"], None).single
    assert len(read_inputs({"text": ["a", "b"]}, None).table) == 2
    assert len(read_inputs([{"text": "a"}, {"text": "b"}], None).table) == 2
    series = pandas.Series(["a", "b"], index=[5, 6])
    assert list(read_inputs(series, None).index) == [5, 6]


def test_sequences_by_the_numbers_of_a_step():
    assert len(read_inputs(np.ones((4, 5, 2)), 2).items) == 4
    assert read_inputs(np.ones((5, 2)), 2).single
    assert len(read_inputs(np.ones((4, 5)), 1).items) == 4
    assert read_inputs(np.ones(5), 1).single and read_inputs([1.0, 2.0], 1).single
    assert read_inputs([[1, 2], [3, 4]], 2).single
    assert len(read_inputs([[[1, 2]], [[3, 4]]], 2).items) == 2


def test_a_dictionary_of_columns_is_one_series():
    given = read_inputs(
        {"day": np.array(["2024-01-01"], dtype="datetime64[D]"), "y": (1.5,)}, None, series=True
    )
    assert given.single and given.items == [{"day": ["2024-01-01"], "y": ["1.5"]}]


def test_a_missing_input_is_named():
    with pytest.raises(UserError, match="Input 1 of the list is missing"):
        read_inputs(["a", None], None)
    with pytest.raises(UserError, match="Row 1 of the dictionary of columns is empty"):
        refuse_empty_rows(read_columns({"text": ["a", None]}))


def test_the_column_of_inputs():
    table = read_columns({"id": [1], "Text": ["a"]})
    assert column_of_inputs(table, ["text"], None) == ["a"]
    assert column_of_inputs(table, ["text"], "id") == [1]
    with pytest.raises(UserError, match="expected the inputs in one of source"):
        column_of_inputs(table, ["source"], None)


def test_a_table_is_a_file_for_a_while():
    with table_as_file(read_columns({"text": ["a"]}), {}) as (path, wordings):
        assert wordings.say(f"{path}, line 2") == "Row 0 of the dictionary of columns"


def test_an_empty_row_is_named_by_its_index():
    frame = pandas.DataFrame({"text": ["a", None]}, index=["r0", "r1"])
    with pytest.raises(UserError, match=r"Row 1 \(index 'r1'\) of the DataFrame is empty"):
        refuse_empty_rows(read_inputs(frame, None).table)


def test_an_index_of_pandas_is_inputs():
    given = read_inputs(pandas.Index(["a", "b"]), None)
    assert given.items == ["a", "b"] and len(given.index) == 2


def test_sequences_without_steps_stay_so():
    assert [rows.shape for rows in read_inputs(np.zeros((2, 0, 3)), 3).items] == [(0, 3), (0, 3)]
