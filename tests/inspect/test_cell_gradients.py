import math

import pytest

from unroll.errors import UserError
from unroll.inspect import gradients_of_cells


@pytest.fixture(scope="module")
def found():
    return gradients_of_cells(["rnn", "lstm"], length=40, hidden=8, batch=2)


def test_a_seed_is_the_same_numbers_and_another_is_not(found):
    again = gradients_of_cells(["rnn", "lstm"], length=40, hidden=8, batch=2)
    other = gradients_of_cells(["rnn", "lstm"], length=40, hidden=8, batch=2, seed=2)
    assert again.as_dict() == found.as_dict() != other.as_dict()


def test_a_cell_does_not_depend_on_its_neighbours(found):
    alone = gradients_of_cells(["lstm"], length=40, hidden=8, batch=2)
    assert alone.flows[0].norms == found.flows[1].norms


def test_forget_bias_gain_and_inputs_do_what_they_say():
    def halving(cell, **options):
        return gradients_of_cells([cell], length=60, hidden=16, batch=2, **options).flows[0].halving

    open_gate = gradients_of_cells(["lstm"], length=60, hidden=16, forget_bias=4.0).flows[0]
    assert open_gate.remaining(50) > 1e3 * gradients_of_cells(["lstm"], length=60, hidden=16).flows[
        0
    ].remaining(50)
    # an orthogonal matrix in silence, where tanh is a straight line: gain to the power of the steps
    assert halving("rnn", inputs=0.0, gain=0.5) == pytest.approx(1, rel=1e-5)
    assert halving("rnn", inputs=0.0, gain=2.0) == pytest.approx(-1, rel=1e-5)
    assert halving("rnn", inputs=0.0) == math.inf


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"cells": ["lsmt"]}, "similar names: lstm"),
        ({"cells": []}, "--cells names no cell"),
        ({"cells": ["conv_lstm"]}, "needs height, width"),
        ({"cells": ["rnn"], "forget_bias": 1.0}, "--forget-bias is for cells with a forget gate"),
        ({"cells": ["gru", "sru"], "gain": 2.0}, "weight_hh, which sru does not have"),
        ({"cells": ["rnn"], "init": "magic"}, "expected one of auto, torch, orthogonal"),
        (
            {"cells": ["rnn_relu"], "gain": 30.0, "length": 400, "hidden": 8},
            "The state of rnn_relu overflows at step .* of 400",
        ),
        ({"length": 1}, "--length got 1"),
        ({"hidden": 0}, "--hidden got 0"),
        ({"batch": 0}, "--batch got 0"),
        ({"gain": 0.0}, "--gain got 0"),
        ({"inputs": -1.0}, "--inputs got -1"),
        ({"clip": 0.0}, "--clip got 0"),
    ],
)
def test_values_that_are_out_of_range_are_refused(options, expected):
    with pytest.raises(UserError, match=expected.replace("(", r"\(")):
        gradients_of_cells(**options)


def test_all_cells_without_a_start_of_their_own_start_by_one_rule():
    names = [
        "rnn",
        "rnn_relu",
        "lstm",
        "peephole_lstm",
        "coupled_lstm",
        "gru",
        "irnn",
        "echo_state",
    ]
    flows = gradients_of_cells(names, length=60, hidden=16, batch=2).flows
    starts = {flow.name: flow.start for flow in flows}
    rule = "orthogonal recurrent weights, Xavier inputs, zero biases"
    assert all(starts[name].startswith(rule) for name in names[:6])
    gated = ("lstm", "peephole_lstm", "coupled_lstm")
    assert all(("forget bias 1" in starts[name]) == (name in gated) for name in names)
    assert starts["irnn"] == starts["echo_state"] == "the start of its paper"
    reach = {flow.name: flow.reach for flow in flows}
    assert reach["peephole_lstm"] > reach["rnn"] and reach["coupled_lstm"] > reach["rnn"]


def test_a_forget_bias_opens_every_forget_gate_and_own_start_keeps_each_cells():
    names = ["lstm", "coupled_lstm", "minimal_gated"]
    few = gradients_of_cells(names, length=40, hidden=16, batch=2, forget_bias=4.0).flows
    assert all("forget bias 4" in flow.start and flow.outcome == "lasts" for flow in few)
    own = gradients_of_cells(["lstm", "peephole_lstm"], length=9, hidden=8, own_start=True).flows
    assert "orthogonal" in own[0].start and own[1].start == "weights as the cell initialises them"


def test_progress_is_told_to_the_end():
    told = []
    gradients_of_cells(
        ["rnn"], length=250, hidden=4, batch=1, progress=lambda name, share: told.append(share)
    )
    assert len(told) >= 4 and told == sorted(told) and told[-1] <= 1
