"""Small tables of days, and settings that train in a moment; each test has a folder of its own."""

from pathlib import Path

import numpy as np
import pytest

import unroll


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fast():
    """Settings of a network that trains in a moment."""
    return {"threads": 1, "hidden": 16, "dropout": 0.0, "batch_size": 32, "quiet": True,
            "backend": "torch"}  # fmt: skip


@pytest.fixture
def noise():
    """Calls: a length and a seed -> white noise."""

    def draw(count, seed=0):
        return np.random.default_rng(seed).normal(size=count).round(4)

    return draw


@pytest.fixture
def write():
    """Calls: a path and columns by name -> the path of a table with a row for each day."""

    def write(path, columns, start="2024-01-01"):
        names = list(columns)
        days = np.datetime64(start) + np.arange(len(next(iter(columns.values()))))
        rows = [",".join(["day", *names])]
        for k, day in enumerate(days):
            cells = [columns[name][k] for name in names]
            rows.append(",".join([str(day), *("" if c is None else str(c) for c in cells)]))
        Path(path).write_text("\n".join(rows) + "\n")
        return str(path)

    return write


@pytest.fixture
def walked(place, write, noise, fast):
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
    return files, unroll.train(files["early"], **options, **fast)


@pytest.fixture
def lines():
    """Calls: a name and lines -> the path of a file with these lines."""

    def write_lines(name, *rows):
        Path(name).write_text("\n".join(rows) + "\n")
        return name

    return write_lines


@pytest.fixture
def stores(place, noise, fast):
    """A run on three stores with a column known ahead; the header of its table, and later rows."""
    rows, ahead = ["store,day,price,kind,y"], []
    for k, name in enumerate(("north", "south", "far, east")):
        values = (10 * (k + 1) + noise(100, k)).round(3)
        for n, value in enumerate(values):
            day, kind = np.datetime64("2024-01-01") + n, ("wet", "dry")[n % 2]
            rows.append(f'"{name}",{day},{n % 5},{kind},{value}')
        ahead += [f'"{name}",{np.datetime64("2024-04-10") + n},{n},,' for n in range(3)]
    (place / "sales.csv").write_text("\n".join(rows) + "\n")
    options = {"by": "store", "target": "y", "covariates": "kind", "known": "price", "history": 8}
    run = unroll.train("sales.csv", horizon=3, steps=2, **options, **fast)
    return run, rows[0], ahead


@pytest.fixture
def read(tmp_path):
    """Calls: the text of a table and a request -> its series, with skip=True its problems too."""
    from unroll.data.problems import Problems
    from unroll.tasks.forecast.columns import TableRequest
    from unroll.tasks.forecast.series_table import read_series

    def reader(text, skip=False, name="a.csv", **request):
        (tmp_path / name).write_text(text)
        problems = Problems(skip)
        table = read_series(tmp_path / name, TableRequest(**request), problems)
        return (table, problems) if skip else table

    return reader


@pytest.fixture
def walk():
    return np.cumsum(np.random.default_rng(0).normal(size=60))


@pytest.fixture
def table_of(tmp_path):
    """Calls: values of a target and a column beside it -> the series of their table."""
    from unroll.data.problems import Problems
    from unroll.tasks.forecast.columns import TableRequest
    from unroll.tasks.forecast.series_table import read_series

    def read_values(y, other=None, **request):
        other = np.zeros(len(y)) if other is None else other
        days = np.datetime64("2024-01-01") + np.arange(len(y))
        rows = [
            f"{d},{'' if np.isnan(a) else repr(float(a))},{'' if np.isnan(b) else repr(float(b))}"
            for d, a, b in zip(days, y, other, strict=True)
        ]
        (tmp_path / "values.csv").write_text("\n".join(["d,y,x", *rows]) + "\n")
        wanted = TableRequest(target="y", past="x", **request)
        return read_series(tmp_path / "values.csv", wanted, Problems())

    return read_values


@pytest.fixture
def learned():
    """Calls: a table and the size of its training set -> the preprocessor learned from it."""
    from unroll.tasks.forecast.preprocessor import ForecastPreprocessor

    def learn(table, train, **options):
        options = {"season": 3, "transform": "none", "level": "yes", "calendar": True, **options}
        return ForecastPreprocessor.learn(table, [train], time_format=None, **options)

    return learn


@pytest.fixture
def shops(place, noise):
    """Calls: names -> the path of a table with a series of its own scale for each."""

    def write_shops(names=("A", "B"), count=160):
        rows = ["shop,day,y"]
        for k, name in enumerate(names):
            y = 10.0 ** (k + 1) * (3 + np.sin(0.7 * np.arange(count)) + 0.1 * noise(count, k))
            days = np.datetime64("2024-01-01") + np.arange(count)
            rows += [f"{name},{d},{v:.4f}" for d, v in zip(days, y, strict=True)]
        path = place / f"shops{len(names)}.csv"
        path.write_text("\n".join(rows) + "\n")
        return str(path)

    return write_shops
