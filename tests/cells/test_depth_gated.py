import pytest
import torch
from torch import nn

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.depth_gated import DepthGatedLSTMCell, DepthGatedState
from unroll.testing import check_cell


def filled(module, **values):
    with torch.no_grad():
        for name, value in values.items():
            getattr(module, name).copy_(torch.tensor(value).double())


def row(*values):
    return tuple(torch.tensor([[value]]).double() for value in values)


def test_step_gives_the_numbers_of_the_equations():
    """One unit in two layers, worked with mpmath to 30 digits (not with torch), line by line:

    x = 0.5, h0 = 0.2, c0 = -0.4:     i = sigmoid( 0.5 x + 1.0 h0 + 0.3 c0 + 0.1)
                                      f = sigmoid(-1.0 x + 0.5 h0 - 0.2 c0 + 0.2)
                                      g = tanh(    2.0 x - 0.5 h0 + 0.3)
    c0' = f c0 + i g                  o = sigmoid(0.25 x + 2.0 h0 + 0.7 c0' - 0.4)
    x = h0', h1 = -0.3, c1 = 0.6:     i = sigmoid( 0.4 x - 0.6 h1 + 0.5 c1)
                                      f = sigmoid( 1.1 x + 0.9 h1 - 0.4 c1 + 0.5)
                                      g = tanh(   -1.3 x + 0.8 h1 - 0.1)
                                      d = sigmoid( 0.6 x - 0.9 c1 + 1.4 c0' + 0.2)
    c1' = d c0' + f c1 + i g          o = sigmoid( 0.7 x + 0.2 h1 - 0.6 c1' + 0.3)
    """
    cell = DepthGatedLSTMCell(1, 1).double()
    filled(
        cell.layers[0],
        weight_ih=[[0.5], [-1.0], [2.0], [0.25]],
        weight_hh=[[1.0], [0.5], [-0.5], [2.0]],
        bias=[0.1, 0.2, 0.3, -0.4],
        peephole_input=[0.3],
        peephole_forget=[-0.2],
        peephole_output=[0.7],
    )
    filled(
        cell.layers[1],
        weight_ih=[[0.4], [1.1], [-1.3], [0.7], [0.6]],
        weight_hh=[[-0.6], [0.9], [0.8], [0.2]],
        bias=[0.0, 0.5, -0.1, 0.3, 0.2],
        peephole_input=[0.5],
        peephole_forget=[-0.4],
        peephole_output=[-0.6],
        peephole_depth=[-0.9],
        peephole_lower=[1.4],
    )
    state = DepthGatedState(h=row(0.2, -0.3), c=row(-0.4, 0.6))
    output, new = cell(torch.tensor([[0.5]]).double(), state)
    assert new.c[0].item() == pytest.approx(0.31707499566132092, abs=1e-7)
    assert new.h[0].item() == pytest.approx(0.17978247772664731, abs=1e-7)
    assert new.c[1].item() == pytest.approx(0.17457841522072236, abs=1e-7)
    assert output.item() == pytest.approx(0.09763070069457598, abs=1e-7)
    assert output is new.h[1]


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_with_shut_depth_gates_and_no_peepholes_it_is_a_stack_of_lstms(num_layers):
    H = 4
    cell = DepthGatedLSTMCell(3, H, num_layers=num_layers).double()
    torchs = nn.LSTM(3, H, num_layers).double()
    with torch.no_grad():
        for k, layer in enumerate(cell.layers):
            for name, parameter in layer.named_parameters():
                if "peephole" in name:
                    parameter.zero_()
            layer.bias[4 * H :] = -1e9
            getattr(torchs, f"weight_ih_l{k}").copy_(layer.weight_ih[: 4 * H])
            getattr(torchs, f"weight_hh_l{k}").copy_(layer.weight_hh)
            getattr(torchs, f"bias_ih_l{k}").copy_(layer.bias[: 4 * H])
            getattr(torchs, f"bias_hh_l{k}").zero_()
    x = torch.randn(5, 2, 3).double()
    output, state = unroll.unroll(cell, x)
    expected, (h, c) = torchs(x)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close((torch.stack(state.h), torch.stack(state.c)), (h, c))


def test_open_depth_gate_adds_the_memory_below():
    cell = DepthGatedLSTMCell(3, 4).double()
    x, state = torch.randn(2, 3).double(), cell.initial_state(2, dtype=torch.float64)
    memories = []
    for bias in (-1e9, 1e9):
        nn.init.constant_(cell.layers[1].bias[16:], bias)
        memories.append(cell(x, state)[1].c)
    (lower, shut), (same_lower, opened) = memories
    torch.testing.assert_close(same_lower, lower)
    torch.testing.assert_close(opened, shut + lower)


def test_gates_of_every_layer_are_named_for_a_recording():
    cell, named = DepthGatedLSTMCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert "depth_gate_l0" not in named
    assert set(named) == {
        *(f"{gate}_l{k}" for k in (0, 1) for gate in ("input_gate", "forget_gate", "candidate")),
        *("output_gate_l0", "output_gate_l1", "depth_gate_l1"),
    }


def test_no_layers_are_refused():
    with pytest.raises(ValueError, match=r"num_layers=0; expected at least 1"):
        DepthGatedLSTMCell(3, 4, num_layers=0)


def test_layer_runs_with_lengths_and_names_its_fields():
    layer = unroll.Recurrent(DepthGatedLSTMCell, 3, 4, num_layers=2, bidirectional=True)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert tuple(output.shape) == (5, 2, 8)
    assert [tuple(c.shape) for c in state.c] == [(4, 2, 4)] * 2
    assert not output[2:, 1].any()


def test_it_is_compiled_with_a_stage_a_layer():
    cell = DepthGatedLSTMCell(3, 4, num_layers=3)
    unroll.unroll(cell, torch.randn(5, 2, 3), backend="cpu")
    assert "3 stages forward" in unroll.explain(cell)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_promises_of_a_cell(num_layers):
    check_cell(lambda i, h: DepthGatedLSTMCell(i, h, num_layers=num_layers))
