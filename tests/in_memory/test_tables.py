import numpy as np
import pandas
import polars
import pyarrow
import pytest

from unroll.errors import UserError
from unroll.in_memory.cells import is_missing
from unroll.in_memory.tables import is_frame, is_series, read_columns, read_frame, read_records

FRAME = pandas.DataFrame({"a": [1, 2], "b": ["x", None]})


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        polars.from_pandas(FRAME),
        polars.from_pandas(FRAME).lazy(),
        pyarrow.table(FRAME),
        pyarrow.table(FRAME).to_batches()[0],
    ],
)
def test_every_frame_is_the_same_table(frame):
    table = read_frame(frame)
    assert is_frame(frame) and not is_series(frame)
    assert table.names == ("a", "b") and table.columns[0] == [1, 2]
    assert table.columns[1][0] == "x" and is_missing(table.columns[1][1])


def test_an_object_with_the_stream_of_arrow_is_a_table():
    class Relation:
        def __arrow_c_stream__(self, requested_schema=None):
            return pyarrow.table(FRAME).__arrow_c_stream__(requested_schema)

    assert read_frame(Relation()).columns[0] == [1, 2]


def test_an_index_with_a_name_or_with_times_is_a_column():
    times = pandas.DataFrame({"y": [1.0, 2.0]}, index=pandas.date_range("2024-01-01", periods=2))
    assert read_frame(times).names == ("time", "y")
    assert read_frame(FRAME.rename_axis("id")).names == ("id", "a", "b")
    labelled = read_frame(FRAME.set_axis(["r1", "r2"]))
    assert labelled.names == ("a", "b") and labelled.index == ["r1", "r2"]
    assert read_frame(FRAME).index is None


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (FRAME[:0], "has no rows"),
        (pandas.DataFrame(), "has no columns"),
        (FRAME.set_axis(["a", "a"], axis=1), "2 columns named 'a'"),
        (FRAME.set_index(["a", "b"]), "MultiIndex of 2 levels as its index"),
        (
            FRAME.set_axis(pandas.MultiIndex.from_tuples([("a", "b"), ("a", "c")]), axis=1),
            "MultiIndex of 2 levels as its columns",
        ),
    ],
)
def test_what_is_no_table_is_refused(frame, told):
    with pytest.raises(UserError, match=told):
        read_frame(frame)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(UserError, match="differ in length: a 2, b 1"):
        read_columns({"a": [1, 2], "b": np.array([1])})
    with pytest.raises(UserError, match="value of 'a' in the dictionary is int"):
        read_columns({"a": 5})


def test_numbers_of_32_bits_stay_short():
    narrow = np.array([0.1], dtype=np.float32)
    frames = [
        read_frame(polars.DataFrame({"x": narrow})),
        read_frame(pandas.DataFrame({"x": narrow})),
        read_frame(pyarrow.table({"x": narrow})),
        read_columns({"x": narrow}),
    ]
    assert [str(table.columns[0][0]) for table in frames] == ["0.1"] * 4


def test_records_may_lack_fields():
    table = read_records([{"a": 1}, {"b": 2}])
    assert table.names == ("a", "b") and table.columns == ([1, None], [None, 2])


def test_columns_with_numbers_for_names_get_words():
    table = read_frame(pandas.DataFrame([[1, 2]]))
    assert table.names == ("column_0", "column_1") and table.numbered


def test_a_categorical_is_a_column():
    table = read_columns({"a": pandas.Categorical(["x", "y"]), "b": pandas.array([1, 2], "Int64")})
    assert table.columns == (["x", "y"], [1, 2])
