"""Series to forecast with a trained run: columns, single rows, tables that continue."""

import json
from pathlib import Path

import numpy as np
import pytest

import unroll
from unroll.errors import UserError


def test_a_dictionary_of_columns_is_an_input(place, write, fast):
    y = (5 + np.sin(0.9 * np.arange(200))).round(4)
    run = unroll.train(write(place / "a.csv", {"y": y}), history=8, steps=5, **fast)
    days = [str(np.datetime64("2025-01-01") + k) for k in range(20)]
    columns = {"day": days, "y": y[:20].tolist()}
    prediction = run.predict(columns)
    assert prediction["forecast"][0]["time"] == "2025-01-21"
    assert run.predict(json.dumps(columns)) == prediction
    with pytest.raises(UserError, match="expected at least 9, the history"):
        run.predict({"day": days[:5], "y": [1, 2, 3, 4, 5]})
    with pytest.raises(UserError, match="lists of day, y"):
        run.predict({"day": days})


def test_the_newest_row_alone_is_an_input(walked, place):
    files, run = walked
    (prediction,) = run.predict_file(files["newest"])
    assert prediction.pop("messages")[0].endswith(
        "ends at 2024-07-18: the rows before it are its history."
    )
    rows = Path(files["whole"]).read_text().splitlines()
    (place / "cut.csv").write_text("\n".join(rows[:202]) + "\n")
    (whole,) = run.predict_file(place / "cut.csv")
    assert whole.pop("messages")[0].startswith("1 value is missing, the first in line 2 (beside)")
    assert whole == prediction
    day, y, beside = rows[201].split(",")
    columns = {"day": [day], "y": [float(y)], "beside": [float(beside)]}
    assert run.predict(columns)["forecast"] == prediction["forecast"]


def test_times_that_do_not_follow_are_filled_where_asked_or_refused(walked):
    files, run = walked
    assert (
        "3 times are missing between the run's data and"
        in run.evaluate(files["after"])["messages"][1]
    )
    run.adjust(missing="refuse")
    with pytest.raises(UserError, match=r"ends at 2024-07-18\.$") as refused:
        list(run.predict_file(Path(files["after"]).rename("short.csv")))
    assert "short.csv: the series has 17 steps" in str(refused.value)


def test_what_is_known_ahead_is_enough(stores, lines):
    run, header, ahead = stores
    predictions = list(run.predict_file(lines("ahead.csv", header, *ahead)))
    assert [one["series"] for one in predictions] == ["north", "south", "far, east"]
    assert predictions[2]["forecast"][0]["time"] == "2024-04-10"
    assert "messages" in predictions[0] and "messages" not in predictions[1]
    columns = {"day": ["2024-04-10", "2024-04-11", "2024-04-12"], "price": [0, 1, 2],
               "y": [None] * 3, "kind": [None] * 3, "store": "far, east"}  # fmt: skip
    assert run.predict(columns)["forecast"] == predictions[2]["forecast"]
    with pytest.raises(UserError, match="several series"):
        run.predict(columns | {"store": ["north", "north", "south"]})
    with pytest.raises(UserError, match=r"no value of y of the series west; expected values"):
        list(run.predict_file(lines("west.csv", header, "west,2024-04-10,1,,")))
