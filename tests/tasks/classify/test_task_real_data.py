"""Seventy-seven intents of a bank's customers: read whole, and better than naive Bayes."""

from pathlib import Path

import pytest

import unroll
from unroll.tasks.classify.description import check_data
from unroll.tasks.classify.settings import ClassifySettings

DATA = Path(__file__).parents[4] / "shared" / "data" / "text_classification" / "banking77"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")


def test_quoted_line_ends_and_crlf_are_read():
    found = check_data(str(DATA / "test.csv"), ClassifySettings())
    assert found["rows"] == 3080 and len(found["labels"]) == 77 and found["bad"] == 0
    assert set(found["labels"].values()) == {40}


@pytest.mark.real_data
def test_intents_are_told_apart_as_well_as_by_the_linear_model(tmp_path):
    run = unroll.train(DATA / "train.csv", tmp_path / "run", epochs=4, threads=2, quiet=True)
    found = run.result()
    assert found["accuracy"] > found["baselines"]["linear model"]["accuracy"] - 0.005 > 0.85
