"""The file of a simple model is refused by name where it does not fit."""

import json

import pytest

from unroll.errors import UserError
from unroll.tasks.forecast.floor import ForecastFloor, SeriesFloor, Smoothing
from unroll.tasks.forecast.floor_file import FLOOR, check_sizes, read_floor
from unroll.tasks.forecast.network import ForecastNetwork
from unroll.training.files import write_folder

DAMPED = Smoothing("damped", 12, True, (0.5, 0.1, 0.1, 0.9, 0.1), 40, 0.3)
ONE = SeriesFloor((DAMPED,), ("smoothing", "ridge"))
FORECAST_FLOOR = ForecastFloor({"": ONE}, ONE, "last", [[0.5, 0.25]], 0.1, 24)


def test_it_is_read_as_it_was_written(tmp_path):
    write_folder(tmp_path / "run", {FLOOR: FORECAST_FLOOR.packed()})
    assert read_floor(tmp_path / "run", 12) == FORECAST_FLOOR
    check_sizes(FORECAST_FLOOR, tmp_path, 1, 2)
    with pytest.raises(UserError, match=r"3 weights for each of 1 steps"):
        check_sizes(FORECAST_FLOOR, tmp_path, 1, 3)


def test_a_file_without_a_count_of_series_is_read(tmp_path):
    record = json.loads(FORECAST_FLOOR.packed())
    del record["fitted"]
    write_folder(tmp_path / "run", {FLOOR: json.dumps(record).encode()})
    assert read_floor(tmp_path / "run", 12).fitted == 12


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("trend", "up", "trend"),
        ("season", 7, "a season of 12 steps or none"),
        ("parameters", [0.5, 0.1, 0.1, 0.9, 9.0], "parameters of smoothing in bounds"),
        ("parameters", [0.5], "parameters"),
        ("steps", 0, "steps is 0"),
        ("error", -1.0, "error is -1"),
        ("parts", [], "parts"),
        ("parts", ["network"], "network"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path, name, value, word):
    record = json.loads(FORECAST_FLOOR.packed())
    usual = record["usual"]
    (usual if name == "parts" else usual["smoothing"][0])[name] = value
    write_folder(tmp_path / "run", {FLOOR: json.dumps(record).encode()})
    with pytest.raises(UserError) as error:
        read_floor(tmp_path / "run", 12)
    assert FLOOR in str(error.value) and word in str(error.value)


def test_floors_of_before_have_one_size_of_bands(tmp_path):
    record = json.loads(FORECAST_FLOOR.packed())
    del record["fitted"], record["sizes_bands"]
    write_folder(tmp_path / "run", {FLOOR: json.dumps(record).encode()})
    old = read_floor(tmp_path / "run", 12)
    assert (old.fitted, old.sizes_bands) == (12, False)
    sizes = [
        ForecastNetwork(1, 0, 2, 4, series=3, combined=True, sizes_bands=sized).combination.sizes
        for sized in (False, True)
    ]
    assert sizes[0] is None and sizes[1].shape == (4,)
