import pytest
import torch
from torch import nn

import unroll
from unroll.cells import fields
from unroll.cells.wrappers.dilated import DilatedCell
from unroll.testing import check_cell


class RunningSum(unroll.Cell):
    """h' = h + x, to be worked in the head."""

    def forward(self, x, h):
        h = h + x
        return h, h


class NoisySum(RunningSum):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.read = nn.Linear(input_size, hidden_size)

    def noise(self):
        return {"kept": unroll.Noise((self.hidden_size,), keep=0.5)}

    def forward(self, x, h, noise):
        h = h + self.read(x)
        if noise is not None:
            h = h * noise["kept"]
        return h, h


def dilated(make, dilation):
    return lambda input_size, hidden_size: DilatedCell(make(input_size, hidden_size), dilation)


@pytest.mark.parametrize(
    ("dilation", "expected"),
    [
        (1, [1, 3, 6, 10, 15, 21]),
        (2, [1, 2, 1 + 3, 2 + 4, 1 + 3 + 5, 2 + 4 + 6]),
        (4, [1, 2, 3, 4, 1 + 5, 2 + 6]),
        (9, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_step_goes_on_from_the_state_of_d_steps_ago(dilation, expected):
    x = torch.arange(1.0, 7.0).reshape(6, 1, 1)
    output, state = unroll.unroll(DilatedCell(RunningSum(1, 1), dilation), x)
    assert output.flatten().tolist() == expected
    kept = ([0.0] * dilation + expected)[-dilation:]  # the last d states, the oldest first
    assert [h.item() for h in state.past] == kept


@pytest.mark.parametrize("make", [unroll.LSTMCell, unroll.GRUCell, nn.LSTMCell, nn.RNNCell])
def test_it_is_the_cell_on_d_interleaved_sequences(make):
    """As the authors compute it (github.com/code-terminator/DilatedRNN): d sequences at once."""
    cell, d, T = make(3, 4).double(), 3, 12
    x = torch.randn(T, 2, 3).double()
    together = x.reshape(T // d, d * 2, 3)
    expected, _ = unroll.unroll(cell, together)
    output, _ = unroll.unroll(DilatedCell(cell, d), x)
    torch.testing.assert_close(output, expected.reshape(T, 2, 4))


def test_sizes_parameters_and_their_start_are_the_cells():
    inner = unroll.ProjectedLSTMCell(3, 4, proj_size=2)
    cell = DilatedCell(inner, 2)
    assert (cell.input_size, cell.hidden_size, cell.output_size) == (3, 4, 2)
    assert list(cell.state_dict()) == [f"cell.{name}" for name in inner.state_dict()]
    names = [name for name, _ in fields(cell.initial_state(5))]
    assert names == ["past.0.h", "past.0.c", "past.1.h", "past.1.c"]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        cell.reset_parameters()
        drawn = inner.weight_hh.clone()
        torch.manual_seed(0)
        inner.reset_parameters()
    assert torch.equal(inner.weight_hh, drawn)


def test_noise_of_the_cell_is_drawn():
    cell, x = DilatedCell(NoisySum(3, 4), 2), torch.randn(8, 5, 3)
    assert list(cell.noise().values()) == list(cell.cell.noise().values())
    dropped, _ = unroll.unroll(cell, x, backend="loop")
    assert bool((dropped == 0).any())
    whole, _ = unroll.unroll(cell.eval(), x, backend="loop")
    assert not bool((whole == 0).any())


@pytest.mark.parametrize("dilation", [0, -1])
def test_no_dilation_is_refused(dilation):
    with pytest.raises(ValueError, match=f"dilation={dilation}; expected at least 1"):
        DilatedCell(unroll.GRUCell(3, 4), dilation)


def test_what_is_no_cell_is_refused():
    with pytest.raises(TypeError, match="Got Linear; expected a cell"):
        DilatedCell(nn.Linear(3, 4), 2)


def test_layer_runs_with_lengths():
    make = dilated(unroll.LSTMCell, 3)
    layer = unroll.Recurrent(make, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert tuple(output.shape) == (5, 2, 8)
    assert [tuple(inner.c.shape) for inner in state.past] == [(4, 2, 4)] * 3
    assert not output[2:, 1].any()


def test_it_is_compiled_in_the_stages_of_the_cell():
    cell = DilatedCell(unroll.GRUCell(3, 4), 4)
    unroll.unroll(cell, torch.randn(9, 2, 3), backend="cpu")
    assert "1 stage forward" in unroll.explain(cell)


@pytest.mark.parametrize("make", [unroll.GRUCell, unroll.LSTMCell, NoisySum])
def test_promises_of_a_cell(make):
    check_cell(dilated(make, 2))


def test_promises_hold_beyond_the_end_of_a_sequence():
    check_cell(dilated(unroll.RNNCell, 7))  # longer than the six steps of the check
