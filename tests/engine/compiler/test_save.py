"""What the forward saves for the backward."""

import pytest

from ..plans import H, planned, width_saved

SAVED = {
    # numbers a unit, and whether the histories of the state's fields are kept beside them
    "lstm": (4, {0, 1}),
    "gru": (4, {0}),
    "tanh": (0, {0}),
    "relu": (0, {0}),
    "projected": (4, {0, 1}),
    "written peephole": (4, {0, 1}),
    "written gru-reset-before": (3, {0}),
    "written minimal-gated": (2, {0}),
    "written multiplicative": (5, {0, 1}),
    "written slstm": (5, {0, 1, 2}),
    "written stacked": (8, {0, 1, 2, 3}),
    "written irnn": (0, {0}),
    "written indrnn": (0, {0}),
}


@pytest.mark.parametrize("name", SAVED)
def test_no_more_is_saved_than_a_person_would_save(name):
    _, made = planned(name)
    wide, history = SAVED[name]
    assert width_saved(made) <= wide * H
    assert made.history == history


def test_an_lstm_saves_its_gates():
    _, made = planned("lstm")
    assert width_saved(made) == 4 * H
    ops = [n.op for n, b in made.backward.saved.items() if b.tensor == "saved"]
    assert sorted(ops) == ["sigmoid", "sigmoid", "sigmoid", "tanh"]
    assert {b.tensor for b in made.backward.saved.values()} <= {"saved", "state:0", "state:1"}
