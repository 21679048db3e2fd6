"""The same data from Python and from its file: the same run, to the bit."""

import pandas
import polars
import pyarrow
import pytest
import torch

import unroll
from unroll.errors import UserError
from unroll.run import check
from unroll.training.report import QuietReport

FEW = {"steps": 3, "hidden": 8, "quiet": True}


def same_weights(one, other):
    a, b = one.model.state_dict(), other.model.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def reviews(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["good", "bad", "food", "was", "the", "very"]
    texts = [" ".join(words[(k * n) % 6] for n in range(1, 7)) for k in range(1, 41)]
    frame = pandas.DataFrame({"review": texts, "stars": [1 + k % 2 for k in range(40)]})
    frame.index = [f"r{k}" for k in range(40)]
    frame.to_csv("reviews.csv", index=False)
    return frame


def test_classify(reviews):
    run = unroll.train("reviews.csv", label="stars", **FEW)
    whole = reviews.reset_index(drop=True)
    for data in (
        reviews,
        polars.from_pandas(whole),
        pyarrow.table(whole),
        whole.to_dict("list"),
        whole.to_dict("records"),
    ):
        assert same_weights(run, unroll.train(data, label="stars", **FEW))
    pairs = list(zip(reviews.review, reviews.stars, strict=True))
    for data in (pairs, (reviews.review, reviews.stars)):
        assert same_weights(run, unroll.train(data, **FEW))
    assert same_weights(run, unroll.train(reviews.review.tolist(), labels=reviews.stars, **FEW))
    assert run.evaluate(reviews) == run.evaluate("reviews.csv")

    labels = [one["label"] for one in run.predict_file("reviews.csv")]
    found = run.predict(reviews)
    assert found.prediction.tolist() == labels and list(found.index) == list(reviews.index)
    assert found.columns.tolist() == ["review", "stars", "prediction", "probability"]
    assert [one["label"] for one in run.predict(reviews.review)] == labels
    assert run.predict(reviews.to_dict("list"), as_frame=True).prediction.tolist() == labels
    assert run.predict({"review": reviews.review.iloc[0]})["label"] == labels[0]


def test_a_bad_row_is_named_as_the_user_knows_it(reviews):
    reviews.loc["r5", "stars"] = None
    with pytest.raises(UserError) as caught:
        unroll.train(reviews, label="stars", **FEW)
    assert str(caught.value).startswith("Row 5 (index 'r5') of the DataFrame: no label")
    facts = check(reviews, lambda sentence: None, label="stars", task="classify")
    assert "Row 5 (index 'r5') of the DataFrame" in str(facts) and "/tmp" not in str(facts)


def test_resume_takes_the_same_data_and_refuses_other(reviews, monkeypatch):
    told = []

    class Kept(QuietReport):
        def log(self, message):
            told.append(message)

    valid = reviews[:10]
    run = unroll.train(reviews, "runs/a", valid=valid, label="stars", **FEW)
    assert run.config["data"]["path"] == "the DataFrame of 40 rows"
    assert run.config["settings"]["valid"].startswith("the DataFrame of 10 rows")
    with pytest.raises(UserError, match="Give the same data again"):
        unroll.train(reviews, "runs/a", resume=True, steps=5)
    with pytest.raises(UserError, match="differs from that of the run"):
        unroll.train(reviews, "runs/a", resume=True, steps=5, valid=reviews[:9])
    with pytest.raises(UserError, match="The DataFrame of 39 rows is not the data"):
        unroll.train(reviews[:39], "runs/a", resume=True, steps=5, valid=valid)
    more = unroll.train(reviews, "runs/a", resume=True, steps=5, valid=valid, report=Kept())
    straight = unroll.train(reviews, "runs/b", valid=valid, label="stars", **{**FEW, "steps": 5})
    assert more.result()["steps"] == straight.result()["steps"] == 5
    assert not any("/tmp" in sentence or "data-from-python" in sentence for sentence in told)
