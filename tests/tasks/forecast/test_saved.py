"""What a run folder holds of a forecaster is refused by name where it does not fit together."""

import json

import pytest

from unroll.errors import UserError
from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.training.files import write_folder


@pytest.mark.parametrize(
    ("file", "place", "value", "word"),
    [
        ("series.json", ("columns",), ["y", "y"], "columns, each once"),
        ("series.json", ("columns",), [], "columns, each once"),
        ("series.json", ("ahead",), -1, "ahead is -1"),
        ("series.json", ("logs",), [], "logarithm"),
        ("series.json", ("season",), 0, "season is 0"),
        ("series.json", ("cycles",), ["hour"], "cycles.0 is 'hour'"),
        ("series.json", ("step", "unit"), "century", "a step of time"),
        ("series.json", ("step", "anchor"), "40", "the place of a step in its month"),
        ("series.json", ("scales", "", "mean"), [], "a scale of each column"),
        ("series.json", ("scales", "", "deviation"), [0.0], "a scale of each column"),
        ("series.json", ("scales",), {}, "a series"),
        ("series.json", ("words",), {"y": ["a"]}, "a target of numbers"),
        ("history.json", ("until",), {"": "x"}, "until"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    tmp_path, walk, table_of, learned, file, place, value, word
):
    files = learned(table_of(walk), 40).files()
    record = json.loads(files[file])
    inner = record
    for name in place[:-1]:
        inner = inner[next(iter(inner))] if name == "" else inner[name]
    inner[place[-1]] = value
    write_folder(tmp_path / "run", {**files, file: json.dumps(record).encode()})
    with pytest.raises(UserError) as error:
        ForecastPreprocessor.load(tmp_path / "run")
    assert file in str(error.value) and word in str(error.value)
