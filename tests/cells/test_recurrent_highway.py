import pytest
import torch

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.recurrent_highway import RecurrentHighwayCell
from unroll.testing import check_cell


def test_step_gives_the_numbers_of_the_equations():
    """One unit in two highway layers, worked with mpmath to 30 digits (not with torch).

    x = 0.8, s = -0.5:  h = tanh(1.5 x + 0.5 s + 0.1)    t = sigmoid(-1.0 x + 2.0 s + 0.3)
    s1 = h t + s (1 - t) = -0.26616...
                        h = tanh(-0.7 s1 + 0.2)          t = sigmoid(1.2 s1 - 0.4)
    s2 = h t + s1 (1 - t) = -0.05840...
    """
    cell = RecurrentHighwayCell(1, 1, depth=2).double()
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor([[1.5], [-1.0]]).double())
        cell.weight_hh.copy_(torch.tensor([[[0.5], [2.0]], [[-0.7], [1.2]]]).double())
        cell.bias.copy_(torch.tensor([[0.1, 0.3], [0.2, -0.4]]).double())
    output, s = cell(torch.tensor([[0.8]]).double(), torch.tensor([[-0.5]]).double())
    assert output.item() == pytest.approx(-0.05840147312906013, abs=1e-7)
    assert output is s


def authors_step(cell, x, state):
    """The step in the form of the authors' code (github.com/jzilly/RecurrentHighwayNetworks).

    There a matrix a gate is applied to [inputs, state] in the first layer and to the state in the
    others, and the state is (h - state) * t + state.
    """
    H = cell.hidden_size
    for k in range(cell.depth):
        stacked = torch.cat([x, state], 1) if k == 0 else state
        matrix = cell.weight_hh[k]
        if k == 0:
            matrix = torch.cat([cell.weight_ih, matrix], 1)
        h = torch.tanh(stacked @ matrix[:H].T + cell.bias[k, :H])
        t = torch.sigmoid(stacked @ matrix[H:].T + cell.bias[k, H:])
        state = (h - state) * t + state
    return state


@pytest.mark.parametrize("depth", [1, 3])
def test_steps_are_those_of_the_authors_form(depth):
    cell = RecurrentHighwayCell(3, 4, depth=depth).double()
    x, state = torch.randn(6, 2, 3).double(), torch.randn(2, 4).double()
    output, last = unroll.unroll(cell, x, state)
    for t in range(6):
        state = authors_step(cell, x[t], state)
        torch.testing.assert_close(output[t], state)
    torch.testing.assert_close(last, state)


def test_transform_gates_start_nearly_shut():
    cell = RecurrentHighwayCell(3, 4)
    assert cell.bias[:, 4:].tolist() == [[-2.0] * 4] * 3
    assert bool((cell.bias[:, :4].abs() <= 0.5).all())  # 1/sqrt(H)
    torch.nn.init.zeros_(cell.bias)
    cell.reset_parameters()
    assert cell.bias[:, 4:].tolist() == [[-2.0] * 4] * 3


def test_a_state_passes_shut_gates_unchanged():
    cell = RecurrentHighwayCell(3, 4, depth=5, transform_bias=-1e9)
    s = torch.randn(2, 4)
    assert torch.equal(cell(torch.randn(2, 3), s)[1], s)


def test_gates_of_every_layer_are_named_for_a_recording():
    cell, named = RecurrentHighwayCell(3, 4, depth=2), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["candidate_1", "transform_gate_1", "candidate_2", "transform_gate_2"]


def test_no_depth_is_refused():
    with pytest.raises(ValueError, match=r"depth=0; expected at least 1 highway layer"):
        RecurrentHighwayCell(3, 4, depth=0)


def test_layer_runs_with_lengths():
    layer = unroll.Recurrent(RecurrentHighwayCell, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (tuple(output.shape), tuple(state.shape)) == ((5, 2, 8), (4, 2, 4))
    assert not output[2:, 1].any()


def test_it_is_compiled_with_a_stage_a_highway_layer():
    cell = RecurrentHighwayCell(3, 4, depth=4)
    unroll.unroll(cell, torch.randn(5, 2, 3), backend="cpu")
    assert "4 stages forward" in unroll.explain(cell)


@pytest.mark.parametrize("depth", [1, 3])
def test_promises_of_a_cell(depth):
    check_cell(lambda i, h: RecurrentHighwayCell(i, h, depth=depth))
