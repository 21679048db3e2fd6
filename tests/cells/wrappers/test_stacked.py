import pytest
import torch
from torch import nn

import unroll
from unroll.cells.wrappers.stacked import StackedCell
from unroll.engine.call import checked_call, parameters_of
from unroll.engine.compiler.plan import plan
from unroll.engine.compiler.trace import trace
from unroll.testing import check_cell

from .trained import INNER, check_layer, check_trained


def stack_of(cells, **options):
    """A stack of cells of these names, all of one width."""

    def make(input_size, hidden_size):
        widths = [input_size, *[hidden_size] * (len(cells) - 1)]
        if options.get("skip"):
            widths = [input_size, *[input_size + hidden_size] * (len(cells) - 1)]
        made = [INNER[c](w, hidden_size) for c, w in zip(cells, widths, strict=True)]
        return StackedCell(made, **options)

    return make


@pytest.mark.parametrize("backend", ["loop", "cpu"])
def test_a_stack_is_torchs_layers(backend):
    layer = nn.LSTM(3, 4, num_layers=3).double()
    cells = [unroll.LSTMCell(3 if l == 0 else 4, 4).double() for l in range(3)]
    for l, cell in enumerate(cells):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        cell.load_state_dict({name: getattr(layer, f"{name}_l{l}") for name in names})
    x = torch.randn(5, 2, 3).double()
    output, states = unroll.unroll(StackedCell(cells), x, backend=backend)
    expected, (h, c) = layer(x)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(torch.stack([s.h for s in states]), h)
    torch.testing.assert_close(torch.stack([s.c for s in states]), c)


@pytest.mark.parametrize("inner", INNER)
def test_a_stack_is_the_layers_of_recurrent(inner):
    layer = unroll.Recurrent(INNER[inner], 3, 4, num_layers=2).double()
    cell = StackedCell(list(layer.cells))
    assert list(cell.state_dict()) == list(layer.state_dict())
    x = torch.randn(6, 3, 3).double()
    output, states = unroll.unroll(cell, x, lengths=[6, 2, 0])
    expected, final = layer(x, lengths=[6, 2, 0])
    torch.testing.assert_close(output, expected)
    stacked = unroll.cells.map_state(lambda *s: torch.stack(s), *states)
    torch.testing.assert_close(stacked, final)


def test_with_skip_every_layer_reads_the_input_and_is_shown():
    lower, upper = unroll.GRUCell(3, 2), unroll.RNNCell(5, 4)
    cell = StackedCell([lower, upper], skip=True)
    assert (cell.input_size, cell.hidden_size, cell.output_size) == (3, 4, 6)
    x, (h, u) = torch.randn(2, 3), (torch.randn(2, 2), torch.randn(2, 4))
    output, state = cell.step(x, (h, u))
    y = lower(x, h)
    z = upper(torch.cat([x, y], 1), u)
    torch.testing.assert_close(output, torch.cat([y, z], 1))
    torch.testing.assert_close(state, (y, z))


def test_one_step_has_a_stage_for_each_cell():
    cell = stack_of(["lstm", "gru", "rnn"])(3, 4)
    call = checked_call(cell, torch.zeros(1, 1, 3), None, None, None, False, None, None)
    made = plan(trace(cell, parameters_of(call), call.x, call.state))
    assert len(made.forward.stages) == 3


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        ([], {}, "got no cells"),
        (
            [(3, 4), (3, 4)],
            {},
            r"cell 1, a LSTMCell, with input_size=3; expected 4, the width of t",
        ),
        ([(3, 4), (4, 4)], {"skip": True}, r"expected 7, the width of \[x, the output of cell 0\]"),
    ],
)
def test_widths_that_do_not_fit_are_refused_in_a_sentence(cells, options, message):
    with pytest.raises(ValueError, match=message):
        StackedCell([nn.LSTMCell(*widths) for widths in cells], **options)


@pytest.mark.parametrize("cells", [["rnn"], ["lstm", "gru"], ["gru", "rnn", "lstm"]])
def test_promises_of_a_cell(cells):
    check_cell(stack_of(cells))


def test_promises_with_skip():
    check_cell(stack_of(["lstm", "gru"], skip=True))


def test_training_mode_is_eval_mode():
    check_trained(stack_of(["gru", "lstm"]), noisy=False)


def test_every_cell_draws_its_parameters_anew():
    cell = stack_of(["gru", "lstm"])(3, 4)
    before = {name: p.clone() for name, p in cell.named_parameters()}
    cell.reset_parameters()
    assert not any(torch.equal(p, before[name]) for name, p in cell.named_parameters())


@pytest.mark.parametrize("skip", [False, True])
def test_in_a_layer(skip):
    check_layer(stack_of(["lstm", "gru"], skip=skip))
