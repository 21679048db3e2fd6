import numpy as np
import pandas
import pytest
import scipy.sparse
import torch

from unroll.errors import UserError
from unroll.in_memory.forms import MemoryArrays, MemoryTexts, is_path, recognise
from unroll.in_memory.tables import MemoryTable


def test_texts_with_labels_are_a_table():
    for given in ((["a b", "c"], ["x", "y"]), [("a b", "x"), ("c", "y"), ("d", "y"), ("e", "x")]):
        table = recognise(given)
        assert isinstance(table, MemoryTable) and table.names == ("text", "label")
    table = recognise(["a b", "c"], labels=np.array([0, 1]))
    assert table.columns == (["a b", "c"], [0, 1])


def test_pairs_of_texts_are_translations_where_the_second_ones_differ():
    assert recognise([("a", "b"), ("c", "d")]).names == ("source", "target")
    assert recognise([("a", "b"), ("c", "d")], task="classify").names == ("text", "label")
    assert recognise((["a", "c"], ["b", "d"]), task="translate").names == ("source", "target")


def test_words_with_tags_are_a_table_of_lists():
    given = [(["a", "b"], ["X", "Y"]), (["c"], ["Z"])]
    assert recognise(given).names == ("tokens", "tags")
    assert recognise([["a", "b"], ["c"]], labels=[["X", "Y"], ["Z"]]).names == ("tokens", "tags")


def test_texts_alone_are_texts():
    assert recognise(["a", "b"]) == MemoryTexts(["a", "b"])
    assert recognise(text for text in "ab").texts == ["a", "b"]
    assert recognise(pandas.Series(["a", "b"])).texts == ["a", "b"]


@pytest.mark.parametrize(
    "values",
    [
        np.arange(12.0).reshape(2, 3, 2),
        torch.arange(12.0).reshape(2, 3, 2),
        [[[0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [10, 11]]],
        [np.arange(6).reshape(3, 2), np.arange(6, 12).reshape(3, 2)],
    ],
)
def test_arrays_are_sequences(values):
    found = recognise((values, ["a", "b"]))
    assert isinstance(found, MemoryArrays) and found.labels == ["a", "b"]
    assert found.values[1].tolist() == [[6, 7], [8, 9], [10, 11]]


def test_things_with_labels_one_by_one():
    found = recognise([(np.ones((3, 2)), 1), (np.ones((4, 2)), 0)])
    assert isinstance(found, MemoryArrays) and found.labels == [1, 0]
    assert [len(rows) for rows in found.values] == [3, 4]


def test_steps_that_are_nan_at_the_end_are_padding():
    found = recognise(np.array([[1.0, 2.0, np.nan], [np.nan, 2.0, 3.0]]), labels=[0, 1])
    assert [len(rows) for rows in found.values] == [2, 3]


def test_a_series_with_times_is_a_table():
    series = pandas.Series([1.0, 2.0], index=pandas.date_range("2024-01-01", periods=2), name="y")
    assert recognise(series).names == ("time", "y")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "Got None as data"),
        (dict, "Got the class dict"),
        ({"a", "b"}, "a set, whose records have no order"),
        (len, "built-in function len"),
        (scipy.sparse.eye(3), r"X.toarray\(\)"),
        (5, "Got 5 as data"),
        (b"abc", "Got 3 bytes"),
        ("one\ntwo", r"unroll.train\(\[text\]\)"),
        ([], "list is empty"),
        ([None], "nothing but missing"),
        (["a", 5], "Item 1 of the list is int"),
        (np.array([1j]), "complex numbers"),
        (np.ones(3), r"shape \[3\]"),
        (["a"] * 3, "3 records with 2 labels"),
    ],
)
def test_everything_else_is_refused_in_a_sentence(given, told):
    labels = [1, 2] if "labels" in told else None
    with pytest.raises(UserError, match=told):
        recognise(given, labels)


def test_a_single_text_as_labels_is_refused():
    with pytest.raises(UserError, match="label='sentiment'"):
        recognise(["a", "b"], labels="sentiment")


def test_an_open_file_is_refused(tmp_path):
    with (tmp_path / "a.txt").open("w") as file, pytest.raises(UserError, match="open file"):
        recognise(file)


def test_which_texts_are_paths():
    assert is_path("a.csv") and is_path("-") and not is_path("a\nb") and not is_path(["a"])


@pytest.mark.parametrize("values", [np.ones(5), pandas.Series(np.ones(5)), [1.0, 2.0]])
def test_values_of_one_series_need_times(values):
    with pytest.raises(UserError, match="To forecast values, give their times too"):
        recognise(values)
