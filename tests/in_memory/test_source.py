from pathlib import Path

import pandas
import pytest

import unroll
from unroll.errors import UserError
from unroll.in_memory.source import MARK, open_data


def test_a_path_is_itself():
    with open_data(Path("a/b.csv"), {"steps": 3}) as source:
        assert (source.path, source.stem, source.name) == ("a/b.csv", "b", "a/b.csv")
        assert source.is_path and source.values == {"steps": 3}


def test_data_is_a_file_while_the_block_runs():
    frame = pandas.DataFrame({"text": ["a"], "label": ["x"]})
    with open_data(frame, {}) as source:
        path = Path(source.path)
        assert path.read_text() == "text,label\na,x\n" and not source.is_path
    assert not path.exists()


def test_the_form_decides_the_task_where_it_does():
    for data, task in ((["a"], "language"), ([("a", "b")], "translate"), ([(["a"], ["X"])], "tag")):
        with open_data(data, {}) as source:
            assert source.task[0] == task


def test_a_validation_set_is_recorded_by_its_content():
    frame = pandas.DataFrame({"text": ["a"], "label": ["x"]})
    with open_data("train.csv", {"valid": frame}) as source:
        path = source.values["valid"]
        config = source.record({"settings": {"valid": path}, "data": {"path": "train.csv"}})
        recorded = config["settings"]["valid"]
        assert recorded.startswith(
            "the DataFrame of 1 row from Python, SHA-256 ".partition(MARK)[0]
        )
        assert config["data"] == {"path": "train.csv"}
        assert source.restored("valid", recorded) == path
        assert source.restored("valid", "other.csv") == "other.csv"
    with (
        open_data("train.csv", {}) as source,
        pytest.raises(UserError, match="Give the same data again"),
    ):
        source.restored("valid", recorded)
    other = pandas.DataFrame({"text": ["b"], "label": ["x"]})
    with (
        open_data("train.csv", {"valid": other}) as source,
        pytest.raises(UserError, match="differs"),
    ):
        source.restored("valid", recorded)


def test_columns_with_numbers_are_named():
    with open_data(pandas.DataFrame([["a", "x"]]), {"label": 1}) as source:
        assert source.values["label"] == "column_1"


def test_labels_beside_a_path_are_refused():
    with (
        pytest.raises(UserError, match="labels= is given beside the path"),
        open_data("a.csv", {}, labels=[1]),
    ):
        pass


@pytest.mark.parametrize("text", ["hello", "a text. " * 60])
def test_a_text_in_the_place_of_a_path_is_told(text):
    with pytest.raises(UserError, match=r"a text is given in a list: \[text\]\.$") as error:
        unroll.train(text, quiet=True)
    assert len(str(error.value)) < 300


def test_lists_of_columns_are_names_with_commas():
    values = {"by": ["store"], "covariates": ("price", "promo"), "text": "a", "cell": ["gru"]}
    with open_data("a.csv", values) as source:
        expected = {"by": "store", "covariates": "price,promo", "text": "a", "cell": ["gru"]}
        assert source.values == expected
