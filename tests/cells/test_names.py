"""Every cell has one name, one row in the table, and one public place."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from inspect import Parameter
from pathlib import Path

import pytest
import torch
from torch import nn

import unroll
import unroll.cells
from unroll.cells import CELLS, Cell, named_cell
from unroll.cells.count import a_unit, count
from unroll.cells.names import options_of

# what a constructor cannot do without
NEEDED = {"projected_lstm": {"proj_size": 8}, "conv_lstm": {"height": 2, "width": 3}}
# not for people: bases of several cells, and the adapter around torch's own
INNER = {"DepthGatedLayer", "MutatedCell", "TorchCell", "VariantLSTMCell"}


@pytest.mark.parametrize("name", CELLS)
def test_every_row_is_true(name):
    row = CELLS[name]
    kind = getattr(unroll, row.cell)
    assert issubclass(kind, Cell) and unroll.cells.HOME[row.cell] == kind.__module__[13:]
    assert kind.__doc__.splitlines()[0].strip(), "the first line says what it is"
    assert row.purpose and "\n" not in row.purpose and not row.purpose.endswith(".")
    takes = options_of(named_cell(name))
    assert row.options.items() <= takes.items()
    needs = {option for option, value in takes.items() if value is Parameter.empty}
    assert needs == set(NEEDED.get(name, {}))
    cell = named_cell(name, **NEEDED.get(name, {}))(12, 24)
    assert (cell.input_size, cell.hidden_size) == (12, 24) and type(cell) is kind


# counted by hand from the shapes of the equations: I inputs, a unit of H
PARAMETERS = {
    "rnn": "I + H + 2",
    "rnn_relu": "I + H + 2",
    "irnn": "I + H + 1",
    "jordan": "I + 2 H + 2",
    "lstm": "4 I + 4 H + 8",
    "peephole_lstm": "4 I + 4 H + 7",
    "coupled_lstm": "3 I + 3 H + 5",
    "janet": "2 I + 2 H + 2",
    "layer_norm_lstm": "4 I + 4 H + 14",
    "multiplicative_lstm": "5 I + 5 H + 4",
    "slstm": "4 I + 4 H + 4",
    "no_input_gate_lstm": "3 I + 3 H + 5",
    "no_forget_gate_lstm": "3 I + 3 H + 5",
    "no_output_gate_lstm": "3 I + 3 H + 5",
    "no_input_activation_lstm": "4 I + 4 H + 7",
    "no_output_activation_lstm": "4 I + 4 H + 7",
    "full_gate_recurrence_lstm": "4 I + 13 H + 7",
    "gru": "3 I + 3 H + 6",
    "original_gru": "3 I + 3 H + 3",
    "minimal_gated": "2 I + 2 H + 2",
    "layer_norm_gru": "3 I + 3 H + 10",
    "mut1": "3 I + 2 H + 3",
    "mut2": "3 I + 3 H + 3",
    "mut3": "3 I + 3 H + 3",
    "depth_gated": "4 I + 13 H + 17",
    "clockwork": "I + H + 1",
    "recurrent_highway": "2 I + 6 H + 6",
    "indrnn": "I + 2",
    "sru": "4 I + 4",
    "qrnn": "3 I + 3",
    "min_gru": "2 I + 2",
    "min_lstm": "3 I + 3",
    "lru": "3 I + 2 H + 3",
    "rg_lru": "3 I + 4",
    "echo_state": "0",
    "deep_echo_state": "0",
}
FIXED = {"echo_state": "I + H + 1", "deep_echo_state": "I + 5 H + 3"}


@pytest.mark.parametrize("name", CELLS)
def test_parameters_a_unit(name):
    if name not in NEEDED:
        assert a_unit(named_cell(name)) == {"trained": PARAMETERS[name]} | (
            {"fixed": FIXED[name]} if name in FIXED else {}
        )


def test_options_change_the_parameters():
    made = a_unit(named_cell("lstm", bias=False))
    assert made == {"trained": "4 I + 4 H"}


def test_numbers_that_follow_no_formula_are_told():
    class Odd(Cell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.weight = nn.Parameter(torch.zeros(hidden_size % 7, input_size % 5))

    assert count(Odd(3, 4)) == (12, 0)
    with pytest.raises(ValueError, match="fit no formula"):
        a_unit(Odd)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("lsmt", "lstm"), ("LSTM", "lstm"), ("GRUCell", "gru"), ("rnn-relu", "rnn_relu")],
)
def test_a_wrong_name_is_told_what_is_near(wrong, near):
    with pytest.raises(ValueError, match=f"no cell named '{wrong}'; near it: .*\\b{near}\\b"):
        named_cell(wrong)


def test_a_name_like_none_is_told_where_they_stand():
    with pytest.raises(unroll.UserError, match=r"no cell named '@'\. `unroll cells` lists"):
        named_cell("@")


def test_options_go_to_the_constructor():
    assert named_cell("rnn_relu")(3, 4).nonlinearity == "relu"
    assert named_cell("gru", bias=False)(3, 4).bias is False


def test_the_names_cost_no_torch_and_one_cell_not_the_others():
    code = (
        "import sys, unroll, unroll.cells\n"
        "from unroll.cells import CELLS, named_cell\n"
        "assert 'torch' not in sys.modules and len(CELLS) > 3\n"
        "named_cell('lstm')(3, 4)\n"
        "assert 'unroll.cells.gru' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def typed(module):
    """The names that a type checker sees in a package that loads its names late."""
    tree = ast.parse(Path(module.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {(one.name, node.module) for node in block.body for one in node.names}


def test_type_checkers_see_the_names_that_there_are():
    assert typed(unroll.cells) == {
        (name, f"unroll.cells.{file}") for name, file in unroll.cells.HOME.items()
    }
    assert typed(unroll) == set(unroll.PUBLIC.items())


def test_every_cell_is_public():
    for info in pkgutil.iter_modules(unroll.cells.__path__):
        module = importlib.import_module(f"unroll.cells.{info.name}")
        for name, value in vars(module).items():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, Cell) and name not in INNER:
                assert unroll.PUBLIC.get(name) == "unroll.cells", name
                assert unroll.cells.HOME.get(name) == info.name, name
