"""The letters of the texts, held to the numbers of the cells."""

import pytest
import torch

from unroll.cells.names import CELLS
from unroll.errors import UserError
from unroll.inspect import walk_of_cell
from unroll.inspect.notation import NOTATIONS, TABLE, equations_of, notation_of

GATES = {"lstm": {"forget_gate": 1, "input_gate": 0, "candidate": 2, "output_gate": 3}}
GATES |= {"gru": {"reset_gate": 0, "update_gate": 1}, "rnn": {"h": 0}}


@pytest.mark.parametrize(("cell", "notation"), list(TABLE))
def test_the_weights_of_a_text_give_its_gates(cell, notation):
    walk = walk_of_cell(cell, "hello", notation=notation, hidden=3)
    state = torch.cat([torch.zeros(1, 3, dtype=torch.float64), walk.values["h"][:-1]])
    both = torch.cat([state, walk.x], 1)
    inputs = {"stacked": both, "input": walk.x, "recurrent": state}
    values = {value.key: value for value in walk.all_values}
    for key, gate in GATES[cell].items():
        of_gate = [w for w in walk.notation.weights if w.gate == gate]
        total = torch.zeros(5, 3, dtype=torch.float64)
        for weight in of_gate:
            tensor = walk.weights[weight.symbol]
            total = total + (tensor if weight.part == "bias" else inputs[weight.part] @ tensor.T)
        if not any(w.part == "bias" for w in of_gate):  # gates of the GRU keep two of them
            continue
        kind = torch.tanh if key in ("candidate", "h") else torch.sigmoid
        torch.testing.assert_close(kind(total), walk.numbers(values[key]))


def test_z_of_a_text_that_takes_in_the_new_is_one_minus_torch():
    ours = walk_of_cell("gru", "ab")
    theirs = walk_of_cell("gru", "ab", notation="olah")
    (z,) = (v for v in theirs.all_values if v.key == "update_gate")
    torch.testing.assert_close(theirs.numbers(z), 1 - ours.values["update_gate"])
    assert "one minus torch's" in theirs.text()


def test_every_named_value_of_the_table_is_a_value_of_the_cell():
    for cell, notation in TABLE:
        walk = walk_of_cell(cell, "ab", notation=notation)
        assert {value.key for value in walk.all_values} <= set(walk.values)
        assert all(value.equation for value in walk.all_values)


def test_a_cell_without_letters_is_shown_as_its_page_says():
    walk = walk_of_cell("peephole_lstm", "ab")
    by_key = {v.key: (v.symbol, v.equation) for v in walk.all_values}
    assert by_key["forget_gate"] == ("f", "sigmoid(W_if x + W_hf h + p_f * c + b_f)")
    assert by_key["c"] == ("c'", "f * c + i * g")
    with pytest.raises(
        UserError, match="has letters for rnn, lstm, gru only, not for peephole_lstm"
    ):
        walk_of_cell("peephole_lstm", notation="olah")
    with pytest.raises(UserError, match=f"expected one of {', '.join(NOTATIONS)}"):
        walk_of_cell("lstm", notation="greek")


def test_an_own_cell_without_a_docstring_has_its_names():
    class Bare:
        pass

    shown = notation_of("own.py:Bare", Bare(), ["my_gate", "h"], "torch")
    assert [v.symbol for s in shown.stages for v in s.values] == ["my gate", "h"]
    assert equations_of(Bare()) == []


def test_the_page_of_every_cell_has_equations():
    import unroll.cells

    for row in CELLS.values():
        made = getattr(unroll.cells, row.cell)
        assert equations_of(made.__new__(made)), row.cell
