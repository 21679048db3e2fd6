"""Each initialisation is the one of its paper, gate by gate."""

import math

import pytest
import torch

import unroll
from unroll.cells import (
    CoupledLSTMCell,
    GRUCell,
    LSTMCell,
    PeepholeLSTMCell,
    ProjectedLSTMCell,
    RecurrentHighwayCell,
    RNNCell,
    cell_factory,
)
from unroll.engine import Recording
from unroll.models.initialisation import initialise, set_forget_bias

I, H = 30, 40
GATES = {LSTMCell: 4, GRUCell: 3, RNNCell: 1}
CELLS = {
    "lstm": lambda **o: LSTMCell(I, H, **o),
    "gru": lambda **o: GRUCell(I, H, **o),
    "rnn": lambda **o: RNNCell(I, H, **o),
    "rnn_relu": lambda **o: RNNCell(I, H, nonlinearity="relu", **o),
}


@pytest.fixture(params=CELLS)
def make(request):
    torch.manual_seed(0)
    return CELLS[request.param]


def gates(cell, name):
    return getattr(cell, name).detach().chunk(GATES[type(cell)])


def test_orthogonal_makes_each_gate_orthogonal(make):
    cell = make()
    assert initialise(cell, "orthogonal").startswith("orthogonal recurrent weights, Xavier inputs")
    for W in gates(cell, "weight_hh"):
        torch.testing.assert_close(W @ W.T, torch.eye(H), atol=1e-5, rtol=0)


def test_inputs_are_xavier_by_the_size_of_one_gate(make):
    cell = make()
    initialise(cell, "xavier")
    for name, width in (("weight_ih", I), ("weight_hh", H)):
        bound = math.sqrt(6 / (width + H))
        for W in gates(cell, name):
            assert 0.95 * bound < W.abs().max() <= bound


def test_he_has_the_deviation_of_he(make):
    cell = make()
    assert initialise(cell, "he").startswith("He recurrent weights, He inputs")
    for name, width in (("weight_ih", I), ("weight_hh", H)):
        assert getattr(cell, name).std().item() == pytest.approx(math.sqrt(2 / width), rel=0.1)


def test_identity_is_the_identity(make):
    cell = make()
    initialise(cell, "identity")
    assert all(torch.equal(W, torch.eye(H)) for W in gates(cell, "weight_hh"))


def test_auto_is_orthogonal_or_identity_for_relu():
    for name, make in CELLS.items():
        word = "identity" if name == "rnn_relu" else "orthogonal"
        assert initialise(make(), "auto").startswith(f"{word} recurrent")


def test_biases_are_zero_but_for_the_forget_gate(make):
    cell = make()
    said = initialise(cell, "auto")
    biases = [b + c for b, c in zip(gates(cell, "bias_ih"), gates(cell, "bias_hh"), strict=True)]
    forget = isinstance(cell, LSTMCell)
    assert said.endswith("zero biases, forget bias 1" if forget else "zero biases")
    for k, bias in enumerate(biases):
        assert torch.equal(bias, torch.full((H,), float(forget and k == 1)))


def test_cells_without_biases_and_projected_cells_are_fine(make):
    assert "bias" not in initialise(make(bias=False), "auto")
    cell = ProjectedLSTMCell(I, H, proj_size=10)
    for name in ("orthogonal", "identity", "xavier", "he"):
        assert "forget bias 1" in initialise(cell, name)


def test_torch_changes_nothing(make):
    cell = make()
    before = [p.clone() for p in cell.parameters()]
    assert initialise(cell, "torch") == "as torch.nn"
    assert all(map(torch.equal, before, cell.parameters()))


def test_another_cell_keeps_its_own_start_unless_a_name_is_given():
    cell = PeepholeLSTMCell(I, H)
    before = [p.clone() for p in cell.parameters()]
    assert initialise(cell, "auto") == "weights as the cell initialises them"
    assert all(map(torch.equal, before, cell.parameters()))
    said = initialise(cell, "orthogonal")
    assert said == "orthogonal recurrent weights, Xavier inputs, zero biases, forget bias 1"
    for W in cell.weight_hh.detach().chunk(4):
        torch.testing.assert_close(W @ W.T, torch.eye(H), atol=1e-5, rtol=0)
    assert cell.bias.chunk(4)[1].eq(1).all() and cell.bias.sum() == H
    with pytest.raises(ValueError, match="RecurrentHighwayCell has its own initialisation"):
        initialise(RecurrentHighwayCell(I, H), "orthogonal")


def test_cells_with_the_same_name_start_have_the_same_weights():
    weights = []
    for kind in (LSTMCell, PeepholeLSTMCell):
        cell = kind(I, H)
        torch.manual_seed(3)
        initialise(cell, "orthogonal")
        weights.append((cell.weight_ih, cell.weight_hh))
    assert torch.equal(weights[0][0], weights[1][0]) and torch.equal(weights[0][1], weights[1][1])


# a gate that keeps the memory with sigmoid(50) = 1: what is stored stays, whatever is read
KEEPING = [
    "lstm", "peephole_lstm", "coupled_lstm", "no_input_activation_lstm", "no_output_activation_lstm",
    "no_output_gate_lstm", "no_input_gate_lstm", "full_gate_recurrence_lstm", "layer_norm_lstm",
    "multiplicative_lstm", "depth_gated", "janet", "minimal_gated", "min_lstm", "qrnn", "sru", "slstm",
]  # fmt: skip


@pytest.mark.parametrize("name", KEEPING)
def test_a_forget_gate_of_a_high_bias_is_open_and_of_a_low_one_shut(name):
    torch.manual_seed(0)
    cell = cell_factory(name)(3, 8)
    x = torch.randn(4, 2, 3)
    for value, expected in ((60.0, 1.0), (-60.0, 0.0)):
        set_forget_bias(cell, value)
        record = Recording()
        unroll.unroll(cell.eval(), x, record=record, backend="loop")
        taps = [v for k, v in record.values.items() if k.startswith("forget_gate")]
        if name == "minimal_gated":
            expected = 1 - expected  # its forget gate lets the candidate in
        if name in ("slstm", "min_lstm", "sru"):  # exponential, normalised, or without a tap
            continue
        assert taps and all(
            torch.allclose(v, torch.full_like(v, expected), atol=1e-5) for v in taps
        )


def test_forget_biases_are_counted_by_hand():
    lstm, coupled = LSTMCell(2, 3), CoupledLSTMCell(2, 3)
    set_forget_bias(lstm, 3.0)
    assert lstm.bias_ih[3:6].tolist() == [3, 3, 3] and lstm.bias_hh[3:6].tolist() == [0, 0, 0]
    set_forget_bias(coupled, 3.0)  # f = 1 - i
    assert coupled.bias[:3].tolist() == [-3, -3, -3]
    wrapped = unroll.ZoneoutCell(LSTMCell(2, 3), 0.1)
    set_forget_bias(wrapped, 2.0)
    assert wrapped.cell.bias_ih[3:6].tolist() == [2, 2, 2]


@pytest.mark.parametrize("cell", [GRUCell(2, 3), RNNCell(2, 3), LSTMCell(2, 3, bias=False)])
def test_a_cell_without_a_forget_gate_is_a_sentence(cell):
    with pytest.raises(ValueError, match=f"forget gate that has a bias.*{type(cell).__name__}"):
        set_forget_bias(cell, 1.0)


def test_unknown_names_are_refused(make):
    with pytest.raises(ValueError, match="'magic'; the names are auto, torch, orthogonal"):
        initialise(make(), "magic")
