"""Which files look like tables of values over time."""

from pathlib import Path

from unroll.tasks.forecast.settings import ForecastSettings


def test_files_are_guessed(place, write):
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
    assert ForecastSettings.guess(mixed, {"target": "nope"})  # an error then names the columns
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


def test_dates_of_any_form_and_numbers_of_a_target_are_guessed(place):
    for k, row in enumerate(
        ('"Jan 01, 2023",1', "2023/01/01,2", "2023-1-1,3", "31.12.2023 10:00,4")
    ):
        path = place / f"form{k}.csv"
        path.write_text(f"when,y\n{row}\n")
        assert ForecastSettings.guess(path, {}) == "a table with times in its column when"
    years = place / "years.csv"
    years.write_text("YEAR,SUNACTIVITY\n1700.0,5.0\n1701.0,11.0\n")
    assert ForecastSettings.guess(years, {"target": "SUNACTIVITY"})
    assert ForecastSettings.guess(years, {}) is None


def test_dates_in_several_columns_are_guessed(place):
    for name, text in {
        "clock": "date,time,kw\n2024-01-01,00:00,1\n2024-01-01,00:15,\n",
        "months": "Year,Month,sales\n2024,1,5\n2024,2,6\n",
        "epoch": "timestamp,value\n1667602800,1.5\n1667606400,2.5\n",
        "index": ",co2\n1990-01-06,350.1\n1990-01-13,350.4\n",
    }.items():
        path = place / f"{name}.csv"
        path.write_text(text)
        assert "with times in its column" in str(ForecastSettings.guess(path, {})), name
    plain = place / "plain.csv"
    plain.write_text("t,x\n1,1.5\n2,2.5\n")
    assert ForecastSettings.guess(plain, {}) is None
