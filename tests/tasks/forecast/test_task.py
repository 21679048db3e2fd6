"""Forecast from end to end: it learns what can be learned, and says what cannot."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import unroll
from unroll.errors import UserError
from unroll.tasks.forecast.description import check_report


def test_a_sine_is_learned_to_almost_nothing(place, write, fast):
    y = np.sin(0.4 * np.arange(300)).round(6)
    file = write(place / "sine.csv", {"y": y})
    run = unroll.train(
        file, horizon=4, history=12, steps=250, calendar=False, loss="mse",
        learning_rate=1e-2, **fast,
    )  # fmt: skip
    result = run.result()
    assert result["mae"] < 0.05 * result["baselines"]["naive"]["mae"]
    assert result["advantage"]["naive"]["share"] > 0.95


def test_noise_beats_nothing_and_the_summary_says_so(place, write, noise, fast):
    y = np.cumsum(noise(400)).round(4)
    run = unroll.train(write(place / "walk.csv", {"y": y}), steps=60, **fast)
    summary = " ".join(run.summarise(run.result(), "the last fifth"))
    assert re.search(r"does not (clearly )?beat the (naive|drift|seasonal naive) forecast", summary)


def test_what_is_known_ahead_is_used(place, write, noise, fast):
    promo = (noise(300) > 0.3).astype(int)
    y = (10 + 5 * promo + 0.1 * noise(300, 1)).round(4)
    file = write(place / "sales.csv", {"y": y, "promo": promo})
    run = unroll.train(file, target="y", known="promo", horizon=2, readout="ridge", **fast)
    assert run.result()["mae"] < 0.2 * run.result()["baselines"]["naive"]["mae"]

    with pytest.raises(UserError, match=r"expected 2 more rows without it and with promo"):
        run.predict_file(file).__next__()
    ahead = {"y": [*y, None, None], "promo": [*promo, 1, 0]}
    (prediction,) = run.predict_file(write(place / "next.csv", ahead))
    assert [row["time"] for row in prediction["forecast"]] == ["2024-10-27", "2024-10-28"]
    assert prediction["forecast"][0]["value"] == pytest.approx(15, abs=0.5)
    assert prediction["forecast"][1]["value"] == pytest.approx(10, abs=0.5)
    assert prediction["forecast"][0]["low"] <= prediction["forecast"][0]["value"]


@pytest.mark.parametrize("loss", ["mae", "gaussian", "student_t", "quantile"])
@pytest.mark.parametrize("head", ["direct", "recursive"])
def test_every_head_and_loss_gives_a_band(place, head, loss, write, noise, fast):
    y = (5 + np.sin(0.9 * np.arange(200)) + 0.1 * noise(200)).round(4)
    file = write(place / "a.csv", {"y": y})
    run = unroll.train(
        file, head=head, loss=loss, horizon=3, history=8, steps=60, learning_rate=1e-2, **fast
    )
    result = run.result()
    assert 0.5 < result["coverage"] <= 1 and len(result["mae_of_steps"]) == 3
    assert result["advantage"]["naive"]["share"] > 0.2
    (prediction,) = run.predict_file(file)
    quantiles = [list(row["quantiles"].values()) for row in prediction["forecast"]]
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_one_model_for_many_series(place, fast, shops):
    run = unroll.train(shops(), by="shop", history=10, steps=150, learning_rate=1e-2, **fast)
    result = run.result()
    assert set(result["series"]) == {"A", "B"}
    assert run.preprocessor.scales["B"].mean[0] == pytest.approx(
        10 * run.preprocessor.scales["A"].mean[0], rel=0.1
    )
    assert result["advantage"]["naive"]["share"] > 0.2
    ratios = [one["relative_mae"] for one in result["series"].values()]
    assert result["median_relative_mae"] == pytest.approx(sum(ratios) / 2)
    assert sum(ratios) / 2 < 0.8
    assert result["baselines"]["naive"]["median_relative_mae"] == 1
    held = [one["coverage"] for one in result["series"].values()]
    assert sum(held) / 2 == pytest.approx(result["coverage"])
    three = shops(("A", "B", "C"))
    predictions = list(run.predict_file(three))
    assert [one["series"] for one in predictions] == ["A", "B", "C"]
    assert predictions[2]["forecast"][0]["value"] > 1000
    assert run.format_prediction(predictions[0]).split("\t")[:2] == ["A", "2024-06-09"]
    evaluated = run.evaluate(three)
    assert evaluated["new_series"] == 1 and "C" in evaluated["series"]
    picture = run.plot(three)
    assert (
        len(list(ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}polygon"))) > 100
    )


def test_values_that_are_missing_are_filled_as_asked(place, write, fast):
    y = list((5 + np.sin(0.9 * np.arange(200))).round(4))
    for k in range(3, 195, 11):
        y[k] = None
    file = write(place / "a.csv", {"y": y})
    with pytest.raises(UserError, match=r"18 values are missing, the first in line 5 \(y\)"):
        unroll.train(file, steps=2, **fast)
    run = unroll.train(file, missing="interpolate", steps=5, **fast)
    assert run.result()["values"] < run.result()["forecasts"]
    assert next(iter(run.predict_file(file)))["forecast"][0]["value"] > 0


def test_bad_series_are_skipped_and_reported_where_asked(place, fast, lines):
    file = place / "a.csv"
    file.write_text(
        "shop,day,y\n"
        + "".join(f"A,{np.datetime64('2024-01-01') + k},{k % 7}\n" for k in range(100))
        + "B,2024-01-01,1\nB,2024-01-02,2\n"
    )
    with pytest.raises(UserError, match=r"series B, lines 102 to 103, has 2 steps"):
        unroll.train(file, by="shop", steps=2, history=8, **fast)
    run = unroll.train(file, by="shop", steps=2, history=8, skip_bad=True, **fast)
    assert run.preprocessor.names == ["A"]
    found = check_report(str(file), run.settings, print)
    assert found["series"] == 2 and any("series B" in one for one in found["problems"])


def test_ratios_are_learned_of_prices(place, write, noise, fast):
    y = np.exp(np.cumsum(0.05 * noise(300)) + 3).round(4)
    run = unroll.train(write(place / "price.csv", {"y": y}), steps=20, **fast)
    assert run.preprocessor.logs == (True,) and run.preprocessor.levels == (False,)
    wrong = write(place / "wrong.csv", {"y": [*y[:50], 0, *y[50:99]]})
    with pytest.raises(UserError, match=r"line 52: y is 0; this run learned ratios"):
        run.evaluate(wrong)


def test_a_resumed_run_ends_as_one_in_one_go(place, write, noise, fast):
    y = (5 + np.sin(0.9 * np.arange(200)) + 0.1 * noise(200)).round(4)
    file = write(place / "a.csv", {"y": y})
    settings = {
        **fast, "horizon": 2, "history": 8, "loss": "mae", "dropout": 0.2, "schedule": "constant",
        "warm_up": 0, "checkpoint_every": 10, "evaluate_every": 20,
    }  # fmt: skip
    whole = unroll.train(file, "whole", steps=40, **settings)
    unroll.train(file, "half", steps=20, **settings)
    half = unroll.train(file, "half", resume=True, steps=40, quiet=True)
    last = [sorted((run.path / "checkpoints").iterdir())[-1] for run in (whole, half)]
    assert last[0].name == last[1].name
    first, second = ((one / "model.safetensors").read_bytes() for one in last)
    assert first == second
    assert whole.result()["mae"] == half.result()["mae"]
    y[3] = 9
    with pytest.raises(UserError, match="SHA-256"):
        unroll.train(write(place / "a.csv", {"y": y}), "half", resume=True, steps=60, quiet=True)


def test_a_resume_reads_words_that_only_the_test_set_has(place, write, noise, fast):
    kinds = ["wet", "dry"] * 45 + ["hail"] * 10
    file = write(place / "a.csv", {"y": noise(100), "kind": kinds})
    unroll.train(file, "run", target="y", covariates="kind", history=8, steps=2, **fast)
    unroll.train(file, "run", resume=True, steps=3, quiet=True)


def test_a_later_table_loses_nothing_in_silence(stores, lines):
    run, header, _ = stores
    rows = [
        f"north,{np.datetime64('2024-04-10') + n},1,{'wet' if n else 'hail'},{n}" for n in range(9)
    ]
    short = [f"south,2024-05-0{n},1,wet,{n}" for n in range(1, 4)]
    later = lines("later.csv", header, *rows, *short)
    with pytest.raises(
        UserError, match=r"series south has 3 steps .* ends at 2024-04-09.*--skip-bad"
    ):
        run.evaluate(later)
    with pytest.raises(UserError, match=r"run\.adjust\(skip_bad=True\)"):
        run.evaluate(later, skip_bad=True)
    run.adjust(skip_bad=True)
    summary = "\n".join(run.summarise(run.evaluate(later), "later.csv"))
    assert "7 forecasts of the next 3 steps" in summary
    assert "1 of the 2 series of later.csv continues the run's data" in summary
    assert "1 value of kind in later.csv is not among the words of the training set" in summary
    assert "1 bad record is skipped:\n  later.csv: the series south" in summary
    with pytest.raises(UserError, match=r"line 2: price is 'cheap'"):
        run.adjust(skip_bad=False)
        run.evaluate(lines("words.csv", header, "north,2024-04-10,cheap,wet,1"))
    with pytest.raises(UserError, match=r"store, day; expected price among them"):
        run.evaluate(lines("other.csv", "store,day", "north,2024-04-10"))


def test_predictions_carry_the_offset_of_the_table(place, lines, noise, fast):
    begin = np.datetime64("2022-10-27T22:00")  # midnight of the table, in UTC
    change = np.datetime64("2022-10-30T01:00")
    rows, naive = ["time,load"], ["time,load"]
    for k, value in enumerate(noise(192).round(3) + 20):
        instant = begin + np.timedelta64(k, "h")
        hours = 2 if instant < change else 1
        local = str(instant + np.timedelta64(hours, "h")).replace("T", " ")
        rows.append(f"{local}:00+0{hours}:00,{value}")
        naive.append(f"{instant},{value}")
    file = lines("hourly.csv", *rows)
    run = unroll.train(file, horizon=3, history=14, steps=2, **{**fast, "hidden": 8})
    (prediction,) = run.predict_file(file)
    assert prediction["from"] == "2022-11-04 22:00+01:00"
    assert [step["time"] for step in prediction["forecast"]] == [
        "2022-11-04 23:00+01:00", "2022-11-05 00:00+01:00", "2022-11-05 01:00+01:00",
    ]  # fmt: skip
    reloaded = unroll.load(run.path)
    later = lines("later.csv", rows[0], "2022-11-04T22:00:00Z,20.5")
    (continued,) = reloaded.predict_file(later)
    assert continued["from"] == "2022-11-04 22:00+00:00" and "continues" in continued["messages"][0]
    with pytest.raises(UserError, match=r"naive.csv: the times have no offset from UTC"):
        list(run.predict_file(lines("naive.csv", *naive)))
    local_run = unroll.train("naive.csv", horizon=3, history=14, steps=2, **{**fast, "hidden": 8})
    with pytest.raises(UserError, match=r"hourly.csv: the times have an offset from UTC"):
        local_run.evaluate(file)


def test_a_run_reads_later_tables_by_its_own_decimal_mark(place, lines, noise, fast):
    days = np.datetime64("2024-01-01") + np.arange(160)
    values = [f"{value:.2f}".replace(".", ",") for value in 900 + 10 * noise(160)]
    file = lines("load.csv", "d;y", *(f"{d};{v}" for d, v in zip(days, values, strict=True)))
    run = unroll.train(file, history=14, steps=2, **{**fast, "hidden": 8})
    later = lines("later.csv", "d;y", "2024-06-08;900", "2024-06-09;1.029")
    (prediction,) = run.predict_file(later)
    assert prediction["last"] == 1029
    english = lines("english.csv", "d;y", "2024-06-09;901.5")
    with pytest.raises(UserError, match=r"such as 901\.5; expected a decimal comma"):
        list(run.predict_file(english))
    run.adjust(decimal="point")
    (prediction,) = run.predict_file(english)
    assert prediction["last"] == 901.5
    # numbers in Python have no mark
    inputs = {"d": [str(day) for day in days[-20:]], "y": [float(k) + 0.125 for k in range(20)]}
    assert run.predict(inputs)["last"] == 19.125


def test_the_groups_of_a_forecast_are_its_series(stores):
    run, *_ = stores
    found = run.evaluate("sales.csv", by="store")
    assert list(found["groups"]) == ["far, east", "north", "south"]
    for name, errors in found["series"].items():
        assert found["groups"][name]["mae"] == pytest.approx(errors["mae"])
    assert sum(own["forecasts"] for own in found["groups"].values()) == found["forecasts"]
    assert "By group:" in run.summarise(found, "sales.csv")
    with pytest.raises(UserError, match="groups of a forecast are its series: expected store"):
        run.evaluate("sales.csv", by="kind")
