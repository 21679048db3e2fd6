"""`unroll predict --out x.csv`: a table with names, and the columns of the input."""

import numpy as np
import pandas
import pytest

import unroll

FEW = {"steps": 3, "hidden": 8, "threads": 1, "quiet": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("tables")
    texts = [f"the film was {'fine poor'.split()[k % 2]}, {k}" for k in range(40)]
    frame = pandas.DataFrame({"id": range(100, 140), "text": texts, "label": list("ab") * 20})
    frame.to_csv(place / "reviews.csv", index=False)
    unroll.train(str(place / "reviews.csv"), place / "reviews", label="label", text="text", **FEW)
    days = pandas.date_range("2023-01-01", periods=60).astype(str)
    sales = [
        {"store": s, "day": day, "y": k % 7 + n}
        for s, n in (("A", 1), ("B", 9))
        for k, day in enumerate(days)
    ]
    pandas.DataFrame(sales).to_csv(place / "sales.csv", index=False)
    unroll.train(
        str(place / "sales.csv"),
        place / "sales",
        target="y",
        by="store",
        horizon=2,
        history=7,
        **FEW,
    )
    return place


def test_the_columns_of_the_input_stand_beside_the_predictions(folder, printed, tmp_path):
    out = tmp_path / "out.csv"
    told = printed("predict", folder / "reviews", folder / "reviews.csv", "--out", out)
    found = pandas.read_csv(out)
    assert "40 predictions written to" in told.err
    assert found.columns.tolist() == [
        "id",
        "text",
        "label",
        "prediction",
        "probability",
        "probability_a",
        "probability_b",
    ]
    assert np.allclose(found.probability_a + found.probability_b, 1, atol=1e-6)
    assert found.id.tolist() == list(range(100, 140))
    run = unroll.load(folder / "reviews")
    assert found.prediction.tolist() == [one["label"] for one in run.predict(found.text)]


def test_a_skipped_row_keeps_its_place(folder, printed, tmp_path):
    (tmp_path / "new.csv").write_text("id,text\n1,fine\n2,\n3,poor\n")
    out = tmp_path / "out.tsv"
    printed("predict", folder / "reviews", tmp_path / "new.csv", "--skip-bad", "--out", out)
    found = pandas.read_csv(out, sep="\t")
    assert found.id.tolist() == [1, 2, 3] and found.prediction.isna().tolist() == [
        False,
        True,
        False,
    ]
    assert "line 3: the text is empty" in found.error[1]


def test_lines_and_inputs_have_a_column_of_their_own(folder, printed, tmp_path):
    (tmp_path / "new.txt").write_text("fine\n\npoor film\n")
    out = tmp_path / "out.csv"
    printed("predict", folder / "reviews", tmp_path / "new.txt", "--out", out)
    assert pandas.read_csv(out).input.tolist() == ["fine", "poor film"]
    printed("predict", folder / "reviews", "--input", "a b", "--out", out, "--overwrite")
    assert pandas.read_csv(out).columns.tolist()[:3] == ["input", "prediction", "probability"]


def test_a_forecast_has_a_row_for_each_step(folder, printed, tmp_path):
    out = tmp_path / "out.csv"
    printed("predict", folder / "sales", folder / "sales.csv", "--out", out)
    found = pandas.read_csv(out)
    assert found.columns.tolist() == ["series", "time", "prediction", "low", "high"]
    assert found.series.tolist() == ["A", "A", "B", "B"]
    assert found.time.tolist() == ["2023-03-02", "2023-03-03"] * 2
