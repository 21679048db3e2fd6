"""Each initialisation is the one of its paper, gate by gate."""

import math

import pytest
import torch

from unroll.cells import GRUCell, LSTMCell, PeepholeLSTMCell, ProjectedLSTMCell, RNNCell
from unroll.models.initialisation import initialise

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


def test_another_cell_keeps_its_own_start_or_says_no():
    cell = PeepholeLSTMCell(I, H)
    before = [p.clone() for p in cell.parameters()]
    assert initialise(cell, "auto") == "weights as the cell initialises them"
    assert all(map(torch.equal, before, cell.parameters()))
    with pytest.raises(ValueError, match="PeepholeLSTMCell has its own initialisation"):
        initialise(cell, "orthogonal")


def test_unknown_names_are_refused(make):
    with pytest.raises(ValueError, match="'magic'; the names are auto, torch, orthogonal"):
        initialise(make(), "magic")
