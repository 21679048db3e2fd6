import pandas
import polars
import pyarrow

from unroll.in_memory.answers import frame_beside, new_frame, word_rows

ROWS = [{"prediction": "x", "probability": 0.5}, {"prediction": "y"}]


def test_predictions_stand_beside_the_rows():
    frame = pandas.DataFrame({"text": ["a", "b"]}, index=["p", "q"])
    found = frame_beside(frame, ROWS)
    assert found.columns.tolist() == ["text", "prediction", "probability"]
    assert found.loc["q", "prediction"] == "y" and list(frame.columns) == ["text"]
    assert frame_beside(polars.DataFrame({"text": ["a", "b"]}), ROWS)["prediction"].to_list() == [
        "x",
        "y",
    ]
    table = frame_beside(pyarrow.table({"text": ["a", "b"]}), ROWS)
    assert table.column("probability").to_pylist() == [0.5, None]


def test_a_taken_name_gets_a_number():
    found = frame_beside(pandas.DataFrame({"prediction": [1, 2]}), ROWS)
    assert found.columns.tolist() == ["prediction", "prediction_2", "probability"]


def test_a_frame_of_its_own():
    assert new_frame(None, ROWS, ["p", "q"]).loc["p", "prediction"] == "x"
    assert isinstance(new_frame(polars.DataFrame({"a": [1]}), ROWS), polars.DataFrame)
    assert isinstance(new_frame(pyarrow.table({"a": [1]}), ROWS), pyarrow.Table)


def test_the_tags_of_a_sentence_are_a_row_each():
    tagged = {"tags": ["O", "B"], "probabilities": [0.5, 1.0]}
    assert [row["prediction"] for row in word_rows(tagged, ["a", "b"])] == ["O", "B"]
    skipped = {"prediction": None, "error": "no word"}
    assert word_rows({"error": "no word"}, ["", "b"]) == [skipped, skipped]
