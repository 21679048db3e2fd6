import json
from types import SimpleNamespace

import pytest

from unroll.errors import UserError
from unroll.inspect import history_of_run
from unroll.inspect.history import History


def test_losses_and_gradients_are_those_of_training(language):
    found = history_of_run(language)
    assert set(found.series) >= {"training loss", "gradient norm", "validation loss"}
    assert set(found.series["validation loss"]) == {10, 20}
    assert set(found.series["remaining gradient layer 2"]) == {1, 10, 20}
    assert found.messages[0].startswith("Step 1: layer 1: the gradient halves every")
    assert list(found.pictures()) == ["losses", "gradient", "remaining_gradient"]
    assert "validation loss" in found.text() and json.dumps(found.as_dict(), allow_nan=False)


def test_a_run_without_losses_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"has no metrics\.jsonl with losses"):
        history_of_run(SimpleNamespace(path=tmp_path))


def test_a_row_has_only_what_was_measured_since_the_row_before():
    series = {
        "training loss": {step: step / 10 for step in range(10, 101, 10)},
        "validation loss": {50: 5.0, 130: 1.0},
    }
    rows = History("it", {}, series, []).table()
    assert rows[1:] == [["50", "5", "5"], ["130", "10", "1"]]
    series["training loss"] = {10: 1.0}
    assert History("it", {}, series, []).table()[2] == ["130", "-", "1"]
    alone = History("it", {}, {"training loss": {1: 3.0}}, [])
    assert alone.table()[1:] == [["1", "3"]]
