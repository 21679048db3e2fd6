import json
from types import SimpleNamespace

import pytest

from unroll.errors import UserError
from unroll.inspect import history_of_run
from unroll.inspect.history import History, loss_caption


def test_losses_and_gradients_are_those_of_training(language):
    found = history_of_run(language)
    assert set(found.series) >= {"training loss", "gradient norm", "validation loss"}
    assert set(found.series["validation loss"]) == {10, 20}
    assert set(found.series["remaining gradient layer 2"]) == {1, 10, 20}
    assert found.messages[0].startswith("Step 1: layer 1: the gradient halves every")
    assert list(found.pictures()) == ["losses", "rate", "gradient", "remaining_gradient"]
    assert found.chosen in (10, 20) and f"step {found.chosen}" in found.caption("losses")
    assert "weights kept" in found.svg("losses")
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


def test_the_caption_says_that_the_validation_loss_rose_and_what_the_two_losses_are():
    words = loss_caption({"validation loss": {5: 1.0, 10: 0.5, 20: 0.6}}, 10, simple_model=True)
    assert "least at step 10, 0.5, and 20% higher at the end" in words
    assert "network with the simple model" in words and "Dashed: step 10" in words
    assert "least" not in loss_caption({}, None, simple_model=False)


def test_accuracy_is_drawn_in_the_colour_of_the_validation_set(classifier):
    found = history_of_run(classifier)
    assert "shares" in found.pictures() and "validation accuracy" in found.series
    assert 'class="curve c1"' in found.svg("shares")
