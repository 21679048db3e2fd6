"""Forecast from end to end: it learns what can be, and says what cannot."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import unroll
from unroll.errors import UserError
from unroll.settings import settings_from
from unroll.tasks.forecast import task
from unroll.tasks.forecast.backtest import backtest
from unroll.tasks.forecast.inputs import asked_table
from unroll.tasks.forecast.report import against, kept_promise
from unroll.tasks.forecast.settings import ForecastSettings

FAST = {"threads": 1, "hidden": 16, "dropout": 0.0, "batch_size": 32, "quiet": True,
        "backend": "torch"}  # fmt: skip


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, columns, start="2024-01-01", header=None):
    """A table of days, or of the times in a column `day`."""
    names = list(columns)
    days = np.datetime64(start) + np.arange(len(next(iter(columns.values()))))
    rows = [",".join(["day", *names])]
    for k, day in enumerate(days):
        cells = [columns[name][k] for name in names]
        rows.append(",".join([str(day), *("" if c is None else str(c) for c in cells)]))
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def noise(count, seed=0):
    return np.random.default_rng(seed).normal(size=count).round(4)


def test_a_sine_is_learned_to_almost_nothing(place):
    y = np.sin(0.4 * np.arange(300)).round(6)
    file = write(place / "sine.csv", {"y": y})
    run = unroll.train(
        file, horizon=4, history=12, steps=250, calendar=False, loss="mse",
        learning_rate=1e-2, **FAST,
    )  # fmt: skip
    result = run.result()
    assert result["mae"] < 0.05 * result["baselines"]["naive"]["mae"]
    assert result["advantage"]["naive"]["share"] > 0.95


def test_noise_beats_nothing_and_the_report_says_so(place):
    y = np.cumsum(noise(400)).round(4)
    run = unroll.train(write(place / "walk.csv", {"y": y}), steps=60, **FAST)
    said = " ".join(run.summarise(run.result(), "the last fifth"))
    assert "does not" in said and "beat persistence" in said


@pytest.mark.parametrize("which", ["honest", "planted"])
def test_the_backtest_never_sees_the_future(place, which):
    """White noise cannot be forecast. A column that holds tomorrow's value shows the test would
    notice: with it the error falls to nothing."""
    y = noise(400)
    beside = y if which == "honest" else np.append(y[1:], 0.0)
    file = write(place / "noise.csv", {"y": y, "beside": beside})
    run = unroll.train(file, target="y", covariates="beside", readout="ridge", history=8, **FAST)
    result = run.result()
    least = 0.9 * np.abs(y[320:]).mean()  # what to say zero every day costs
    if which == "honest":
        assert result["mae"] > least
    else:
        assert result["mae"] < 0.2 * least
    # and to the number: what follows an origin changes no forecast from it
    table = run.path / "later.csv"
    cut = 350
    y[cut:] = beside[cut:] = 77.0
    windows = asked_table(file, run.preprocessor, run.settings).windows
    write(table, {"y": y, "beside": beside})
    planted = asked_table(str(table), run.preprocessor, run.settings).windows
    origins = np.array([cut - 1])
    found = [task.forecast(run.model, each, origins, run.device) for each in (windows, planted)]
    np.testing.assert_array_equal(*found)


def test_what_is_known_ahead_is_used(place):
    promo = (noise(300) > 0.3).astype(int)
    y = (10 + 5 * promo + 0.1 * noise(300, 1)).round(4)
    file = write(place / "sales.csv", {"y": y, "promo": promo})
    run = unroll.train(file, target="y", known="promo", horizon=2, readout="ridge", **FAST)
    assert run.result()["mae"] < 0.2 * run.result()["baselines"]["naive"]["mae"]

    with pytest.raises(UserError, match=r"expected 2 more rows without it and with promo"):
        run.predict_file(file).__next__()
    ahead = {"y": [*y, None, None], "promo": [*promo, 1, 0]}
    (answer,) = run.predict_file(write(place / "next.csv", ahead))
    assert [row["time"] for row in answer["forecast"]] == ["2024-10-27", "2024-10-28"]
    assert answer["forecast"][0]["value"] == pytest.approx(15, abs=0.5)
    assert answer["forecast"][1]["value"] == pytest.approx(10, abs=0.5)
    assert answer["forecast"][0]["low"] <= answer["forecast"][0]["value"]


@pytest.mark.parametrize("loss", ["mae", "gaussian", "student_t", "quantile"])
@pytest.mark.parametrize("head", ["direct", "recursive"])
def test_every_head_and_loss_gives_a_band(place, head, loss):
    y = (5 + np.sin(0.9 * np.arange(200)) + 0.1 * noise(200)).round(4)
    file = write(place / "a.csv", {"y": y})
    run = unroll.train(
        file, head=head, loss=loss, horizon=3, history=8, steps=60, learning_rate=1e-2, **FAST
    )
    result = run.result()
    assert 0.5 < result["coverage"] <= 1 and len(result["mae_of_steps"]) == 3
    assert result["advantage"]["naive"]["share"] > 0.2
    (answer,) = run.predict_file(file)
    quantiles = [list(row["quantiles"].values()) for row in answer["forecast"]]
    assert (np.diff(quantiles, axis=1) >= 0).all()


def shops(place, names=("A", "B"), count=160):
    rows = ["shop,day,y"]
    for k, name in enumerate(names):
        y = 10.0 ** (k + 1) * (3 + np.sin(0.7 * np.arange(count)) + 0.1 * noise(count, k))
        days = np.datetime64("2024-01-01") + np.arange(count)
        rows += [f"{name},{d},{v:.4f}" for d, v in zip(days, y, strict=True)]
    path = place / f"shops{len(names)}.csv"
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def test_one_model_for_many_series(place):
    run = unroll.train(shops(place), by="shop", history=10, steps=150, learning_rate=1e-2, **FAST)
    result = run.result()
    assert set(result["series"]) == {"A", "B"}
    assert run.preprocessor.scales["B"].mean[0] == pytest.approx(
        10 * run.preprocessor.scales["A"].mean[0], rel=0.1
    )
    assert result["advantage"]["naive"]["share"] > 0.2
    three = shops(place, ("A", "B", "C"))
    answers = list(run.predict_file(three))
    assert [one["series"] for one in answers] == ["A", "B", "C"]
    assert answers[2]["forecast"][0]["value"] > 1000
    assert run.format_prediction(answers[0]).split("\t")[:2] == ["A", "2024-06-09"]
    evaluated = run.evaluate(three)
    assert evaluated["new_series"] == 1 and "C" in evaluated["series"]
    picture = task.picture(run.trained, three)
    assert (
        len(list(ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}polygon"))) > 100
    )


def test_values_that_are_missing_are_filled_as_asked(place):
    y = list((5 + np.sin(0.9 * np.arange(200))).round(4))
    for k in range(3, 195, 11):
        y[k] = None
    file = write(place / "a.csv", {"y": y})
    with pytest.raises(UserError, match=r"18 values are missing, the first in line 5 \(y\)"):
        unroll.train(file, steps=2, **FAST)
    run = unroll.train(file, missing="interpolate", steps=5, **FAST)
    assert run.result()["values"] < run.result()["forecasts"]
    assert next(iter(run.predict_file(file)))["forecast"][0]["value"] > 0


def test_a_reservoir_is_read_out_in_closed_form(place):
    y = (np.sin(0.4 * np.arange(300)) * np.sin(0.11 * np.arange(300))).round(6)
    run = unroll.train(
        write(place / "a.csv", {"y": y}), readout="ridge", cell="echo_state", horizon=3, history=30,
        **{**FAST, "hidden": 60, "backend": "loop"},
    )  # fmt: skip
    assert run.settings.loss == "mse" and run.result()["steps"] == 1
    assert run.result()["advantage"]["naive"]["share"] > 0.7
    with pytest.raises(UserError, match="no recursive head"):
        unroll.train(place / "a.csv", readout="ridge", head="recursive", quiet=True)


def test_a_dictionary_of_columns_can_be_asked(place):
    y = (5 + np.sin(0.9 * np.arange(200))).round(4)
    run = unroll.train(write(place / "a.csv", {"y": y}), history=8, steps=5, **FAST)
    days = [str(np.datetime64("2025-01-01") + k) for k in range(20)]
    question = {"day": days, "y": y[:20].tolist()}
    answer = run.predict(question)
    assert answer["forecast"][0]["time"] == "2025-01-21"
    assert run.predict(json.dumps(question)) == answer
    with pytest.raises(UserError, match="expected at least 9, the history"):
        run.predict({"day": days[:5], "y": [1, 2, 3, 4, 5]})
    with pytest.raises(UserError, match="lists of day, y"):
        run.predict({"day": days})


@pytest.mark.parametrize(
    ("y", "settings", "said"),
    [
        ([3.0] * 100, {}, r"lines 2 to 101, is always 3 in the part to learn from.*learn\.$"),
        (
            range(20),
            {"history": 30},
            r"has 20 steps, of which 14 are to learn from; expected at least 32",
        ),
        (range(-50, 50), {"transform": "log"}, r"not above 0, which have no logarithm"),
        (range(60), {"horizon": 10, "history": 20}, r"leaves no window to choose weights by"),
    ],
)
def test_series_that_cannot_be_learned_are_refused(place, y, settings, said):
    with pytest.raises(UserError, match=said):
        unroll.train(write(place / "a.csv", {"y": list(y)}), steps=2, **FAST, **settings)


def test_bad_series_are_left_out_and_told_where_asked(place):
    file = place / "a.csv"
    file.write_text(
        "shop,day,y\n"
        + "".join(f"A,{np.datetime64('2024-01-01') + k},{k % 7}\n" for k in range(100))
        + "B,2024-01-01,1\nB,2024-01-02,2\n"
    )
    with pytest.raises(UserError, match=r"series B, lines 102 to 103, has 2 steps"):
        unroll.train(file, by="shop", steps=2, history=8, **FAST)
    run = unroll.train(file, by="shop", steps=2, history=8, skip_bad=True, **FAST)
    assert run.preprocessor.names == ["A"]
    found = task.check(str(file), run.settings, print)
    assert found["series"] == 2 and any("series B" in one for one in found["problems"])


def test_a_held_out_table_of_its_own(place):
    y = (5 + np.sin(0.9 * np.arange(200))).round(4)
    later = write(place / "later.csv", {"y": y[:60]}, start="2025-01-01")
    run = unroll.train(write(place / "a.csv", {"y": y}), valid=later, history=8, steps=5, **FAST)
    assert run.result()["forecasts"] == 60 - 9 and run.result()["validation_set"] == later
    found = run.evaluate(later)
    assert "The first 9 steps of" in found.pop("told")[0]
    assert run.result() | found == run.result()


def test_ratios_are_learned_of_prices(place):
    y = np.exp(np.cumsum(0.05 * noise(300)) + 3).round(4)
    run = unroll.train(write(place / "price.csv", {"y": y}), steps=20, **FAST)
    assert run.preprocessor.logs == (True,) and run.preprocessor.levels == (False,)
    wrong = write(place / "wrong.csv", {"y": [*y[:50], 0, *y[50:99]]})
    with pytest.raises(UserError, match=r"line 52: y is 0; this run learned ratios"):
        run.evaluate(wrong)


def test_files_are_guessed(place):
    y = list(range(10))
    dated = write(place / "a.csv", {"y": y})
    assert ForecastSettings.guess(Path(dated), {}) == "a table with times in its column day"
    assert ForecastSettings.guess(Path(dated), {"horizon": "3"}) == "a table, and horizon is given"
    texts = place / "b.csv"
    texts.write_text("text,label\nhello there,1\nbye,0\n")
    assert ForecastSettings.guess(texts, {}) is None
    mixed = place / "c.csv"
    mixed.write_text("day,words,y\n2024-01-01,hello,1\n2024-01-02,bye,0\n")
    assert ForecastSettings.guess(mixed, {}) is None and ForecastSettings.guess(
        mixed, {"target": "y"}
    )
    quarters = place / "d.csv"
    quarters.write_text("when;y\n2024Q1;1,5\n2024Q2;2\n")
    assert (
        ForecastSettings.guess(quarters, {"target": "y"})
        == "a table with times in its column when, and target is given"
    )
    assert (
        ForecastSettings.guess(Path("none.csv"), {}) is None
        and ForecastSettings.guess(place, {"horizon": 3}) is None
    )


def test_a_resumed_run_ends_as_one_in_one_go(place):
    y = (5 + np.sin(0.9 * np.arange(200)) + 0.1 * noise(200)).round(4)
    file = write(place / "a.csv", {"y": y})
    settings = {
        **FAST, "horizon": 2, "history": 8, "loss": "mae", "dropout": 0.2, "schedule": "constant",
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


def test_a_later_table_is_read_after_the_rows_before_it(place):
    y, kinds = np.cumsum(noise(240)).round(4), ["wet", "dry", "fog"] * 80
    early = write(place / "early.csv", {"y": y[:200], "kind": kinds[:200]})
    later = write(place / "later.csv", {"y": y[200:], "kind": kinds[200:]}, start="2024-07-19")
    run = unroll.train(early, valid=later, covariates="kind", history=32, steps=2, **FAST)
    # a forecast of every later row; alone the table would give 40 - 33 of them
    assert run.result()["forecasts"] == 40
    data = task.read(early, run.settings, print)
    windows, origins = task.parts(data, run.settings)["test"]
    assert "later.csv is read on from the rows before it, of" in data.told[0]
    # as in one table
    whole = write(place / "whole.csv", {"y": y, "kind": kinds})
    alone = asked_table(whole, run.preprocessor, run.settings).windows
    for part, other in zip(
        (windows.batch(origins).x, windows.batch(origins).y),
        (alone.batch(origins).x, alone.batch(origins).y),
        strict=True,
    ):
        assert part.equal(other)
    # the run folder holds what it needs of the earlier rows
    Path(early).unlink()
    found = unroll.load(run.path).evaluate(later)
    assert "the run's data, which ends" in found.pop("told")[0]
    assert run.result() | found == run.result()


@pytest.fixture
def walked(place):
    """A run on the first 200 of 240 days, whose first and last days lack a value beside."""
    y, beside = np.cumsum(noise(240)).round(4), [None, *noise(238, 1), None]
    files = {
        name: write(
            place / f"{name}.csv",
            {"y": y[at], "beside": beside[at]},
            start=str(np.datetime64("2024-01-01") + (at.start or 0)),
        )
        for name, at in {
            "whole": slice(None), "early": slice(200), "later": slice(200, 239),
            "overlapping": slice(190, 239), "newest": slice(200, 201), "after": slice(203, 220),
        }.items()
    }  # fmt: skip
    options = {"target": "y", "covariates": "beside", "missing": "last", "history": 32, "steps": 2}
    return files, unroll.train(files["early"], **options, **FAST)


@pytest.mark.parametrize("name", ["later", "overlapping"])
def test_a_later_table_is_evaluated_as_the_end_of_the_whole(walked, name):
    files, run = walked
    asked = asked_table(files["whole"], run.preprocessor, run.settings)
    origins = asked.windows.origins(begins=[200])[:-1]
    expected = backtest(run.model, asked.windows, origins, run.settings, run.device)
    found = run.evaluate(files[name])
    assert len(origins) == 39 and found["told"][0].startswith(files[name])
    assert expected | {"told": found["told"]} == found


def test_the_newest_row_alone_can_be_asked(walked, place):
    files, run = walked
    (answer,) = run.predict_file(files["newest"])
    assert answer.pop("told")[0].endswith("which ends at 2024-07-18.")
    lines = Path(files["whole"]).read_text().splitlines()
    (place / "cut.csv").write_text("\n".join(lines[:202]) + "\n")
    (whole,) = run.predict_file(place / "cut.csv")
    assert whole.pop("told")[0].startswith("1 value is missing, the first in line 2 (beside)")
    assert whole == answer
    day, y, beside = lines[201].split(",")
    asked = {"day": [day], "y": [float(y)], "beside": [float(beside)]}
    assert run.predict(asked)["forecast"] == answer["forecast"]


def test_times_that_do_not_follow_on_are_filled_where_asked_or_refused(walked):
    files, run = walked
    assert (
        "3 times are missing between the run's data and" in run.evaluate(files["after"])["told"][1]
    )
    run.adjust(missing="refuse")
    with pytest.raises(UserError, match=r"ends at 2024-07-18\.$") as refused:
        list(run.predict_file(Path(files["after"]).rename("short.csv")))
    assert "short.csv: the series has 17 steps" in str(refused.value)


def test_a_backtest_of_what_was_learned_from_says_so(walked):
    files, run = walked
    found = run.evaluate(files["early"])
    assert found["seen"] == 160 - 33 and found["forecasts"] == 200 - 33
    assert any(
        "127 forecasts are of steps that the model learned" in s for s in run.summarise(found, "it")
    )


def test_a_later_table_that_does_not_follow_stands_alone(place):
    y = np.cumsum(noise(240)).round(4)
    early = write(place / "early.csv", {"y": y[:150]})
    later = write(place / "later.csv", {"y": y[150:]}, start="2025-07-19")
    run = unroll.train(early, valid=later, history=32, steps=2, **FAST)
    assert run.result()["forecasts"] == 90 - 33


def test_a_recursive_head_says_what_stays_as_it_was(place, capsys):
    file = write(place / "a.csv", {"y": noise(200), "wind": noise(200, 1)})
    options = {**FAST, "quiet": False}
    unroll.train(
        file, target="y", covariates="wind", head="recursive", horizon=3, steps=2, **options
    )
    assert "wind stays as it was last" in " ".join(capsys.readouterr().err.split())


@pytest.fixture
def stores(place):
    """A run on three stores, with what is known ahead; and the row that names the columns."""
    rows, ahead = ["store,day,price,kind,y"], []
    for k, name in enumerate(("north", "south", "far, east")):
        values = (10 * (k + 1) + noise(100, k)).round(3)
        for n, value in enumerate(values):
            day, kind = np.datetime64("2024-01-01") + n, ("wet", "dry")[n % 2]
            rows.append(f'"{name}",{day},{n % 5},{kind},{value}')
        ahead += [f'"{name}",{np.datetime64("2024-04-10") + n},{n},,' for n in range(3)]
    (place / "sales.csv").write_text("\n".join(rows) + "\n")
    options = {"by": "store", "target": "y", "covariates": "kind", "known": "price", "history": 8}
    run = unroll.train("sales.csv", horizon=3, steps=2, **options, **FAST)
    return run, rows[0], ahead


def table(name, *rows):
    Path(name).write_text("\n".join(rows) + "\n")
    return name


def test_what_is_known_ahead_is_enough(stores):
    run, header, ahead = stores
    answers = list(run.predict_file(table("ahead.csv", header, *ahead)))
    assert [one["series"] for one in answers] == ["north", "south", "far, east"]
    assert answers[2]["forecast"][0]["time"] == "2024-04-10"
    assert "told" in answers[0] and "told" not in answers[1]
    columns = {"day": ["2024-04-10", "2024-04-11", "2024-04-12"], "price": [0, 1, 2],
               "y": [None] * 3, "kind": [None] * 3, "store": "far, east"}  # fmt: skip
    assert run.predict(columns)["forecast"] == answers[2]["forecast"]
    with pytest.raises(UserError, match="several series"):
        run.predict(columns | {"store": ["north", "north", "south"]})
    with pytest.raises(UserError, match=r"no value of y of the series west; expected some"):
        list(run.predict_file(table("west.csv", header, "west,2024-04-10,1,,")))


def test_a_later_table_loses_nothing_in_silence(stores):
    run, header, _ = stores
    rows = [
        f"north,{np.datetime64('2024-04-10') + n},1,{'wet' if n else 'hail'},{n}" for n in range(9)
    ]
    short = [f"south,2024-05-0{n},1,wet,{n}" for n in range(1, 4)]
    later = table("later.csv", header, *rows, *short)
    with pytest.raises(
        UserError, match=r"series south has 3 steps .* ends at 2024-04-09.*--skip-bad"
    ):
        run.evaluate(later)
    with pytest.raises(UserError, match=r"by run\.adjust\(skip_bad=True\)"):
        run.evaluate(later, skip_bad=True)
    run.adjust(skip_bad=True)
    said = "\n".join(run.summarise(run.evaluate(later), "later.csv"))
    assert "7 forecasts of the next 3 steps" in said
    assert "1 of the 2 series of later.csv is read on from the rows before" in said
    assert "1 value of kind in later.csv is no word that was learned from" in said
    assert "1 bad record is skipped:\n  later.csv: the series south" in said
    with pytest.raises(UserError, match=r"line 2: price is 'cheap'"):
        run.adjust(skip_bad=False)
        run.evaluate(table("words.csv", header, "north,2024-04-10,cheap,wet,1"))
    with pytest.raises(UserError, match=r"store, day; expected price among them"):
        run.evaluate(table("other.csv", "store,day", "north,2024-04-10"))


def test_a_resume_reads_words_that_only_the_held_out_part_has(place):
    kinds = ["wet", "dry"] * 45 + ["hail"] * 10
    file = write(place / "a.csv", {"y": noise(100), "kind": kinds})
    unroll.train(file, "run", target="y", covariates="kind", history=8, steps=2, **FAST)
    unroll.train(file, "run", resume=True, steps=3, quiet=True)


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("3\n" * 100, {}, ["is always 3"]),
        ("1\n2\nabc\n" + "4\n5\n" * 50, {}, ["1 time is missing", "1 bad record", "'abc'"]),
        ("1\n2\n" * 50, {"valid": "none.csv"}, ["none.csv does not exist"]),
        ("1\n2\n" * 30, {"horizon": 10, "history": 20}, ["leaves no window"]),
    ],
)
def test_data_check_says_what_training_would_once(place, text, settings, said):
    file = write(place / "a.csv", {"y": text.split()})
    checked = settings_from(ForecastSettings, {"target": "y", **settings})
    problems = task.check(file, checked, print)["problems"]
    assert len(problems) == len(said)
    for problem, words in zip(problems, said, strict=True):
        assert words in problem


def test_a_band_that_breaks_its_promise_is_named():
    result = {"coverage": 0.8, "expected_coverage": 0.95, "horizon": 1, "values": 200}
    assert "too narrow" in kept_promise(result)[0]
    assert kept_promise(result | {"coverage": 0.92}) == []
    assert kept_promise(result | {"coverage": 0.85, "values": 10}) == []
    assert "too wide" in kept_promise(result | {"expected_coverage": 0.5})[0]


def test_beside_persistence_another_naive_way_may_be_better():
    result = {"advantage": {"naive": {"share": 0.3, "noise": 0.1},
                            "drift": {"share": -0.1, "noise": 0.1}}}  # fmt: skip
    assert against(result)[1] == "It does not beat drift."
