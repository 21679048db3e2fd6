from math import exp, log, tanh

import pytest
import torch

import unroll
from unroll.cells.cell import collecting_taps
from unroll.cells.janet import JANETCell
from unroll.testing import check_cell


def sigmoid(v):
    return 1 / (1 + exp(-v))


# worked out once with 40 digits (Python's decimal), so that this test cannot drift
@pytest.mark.parametrize(
    ("beta", "expected"), [(1.0, 1.0073453010866484), (0.0, 0.8166829423819446)]
)
def test_step_gives_the_numbers_of_the_equations(beta, expected):
    cell = JANETCell(1, 1, beta=beta).double()
    weights = {"weight_ih": [[-1.0], [2.0]], "weight_hh": [[0.5], [-0.5]], "bias": [1.2, 0.3]}
    cell.load_state_dict({k: torch.tensor(v, dtype=torch.float64) for k, v in weights.items()})
    x, c = 2.0, 0.5
    s = -1.0 * x + 0.5 * c + 1.2
    candidate = tanh(2.0 * x - 0.5 * c + 0.3)
    new_c = sigmoid(s) * c + (1 - sigmoid(s - beta)) * candidate
    output, new = cell(torch.tensor([[x]]).double(), torch.tensor([[c]]).double())
    assert output is new
    assert output.item() == pytest.approx(new_c, abs=1e-15)
    assert new_c == pytest.approx(expected)
    if beta == 1:  # the line of the authors' code (aux_code/rnn_cells.py)
        assert new_c == pytest.approx(c * sigmoid(s) + sigmoid(1 - s) * candidate)


def test_forget_biases_start_at_one():
    forget, candidate = JANETCell(3, 4).bias.chunk(2)
    assert forget.tolist() == [1] * 4
    assert candidate.tolist() == [0] * 4


def test_forget_biases_start_at_memories_of_all_lengths():
    cell = JANETCell(3, 2000, t_max=784)
    forget, candidate = cell.bias.detach().chunk(2)
    assert not candidate.any()
    assert 0 <= forget.min() < forget.max() <= log(783)
    # exp(forget) is uniform in [1, 783]: a mean of 392, and a standard error of 226 / sqrt(2000) = 5
    assert forget.exp().mean().item() == pytest.approx(392, abs=20)
    before = cell.bias.clone()
    cell.reset_parameters()
    assert not torch.equal(before, cell.bias)


@pytest.mark.parametrize("t_max", [2, 0, float("nan")])
def test_dependencies_too_short_for_chrono_are_refused(t_max):
    with pytest.raises(ValueError, match=f"got t_max={t_max}; expected a number of steps greater"):
        JANETCell(3, 4, t_max=t_max)


def test_gates_are_named_for_a_recording():
    cell, named = JANETCell(3, 4), []
    with collecting_taps(lambda name, value: named.append(name)):
        cell(torch.zeros(2, 3), cell.initial_state(2))
    assert named == ["forget_gate", "candidate", "input_gate"]


def test_in_a_layer_with_lengths():
    layer = unroll.Recurrent(JANETCell, 3, 4, num_layers=2, bidirectional=True)
    output, last = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    assert (output.shape, last.shape) == ((5, 2, 8), (4, 2, 4))


def test_it_is_compiled():
    unroll.unroll(JANETCell(3, 4), torch.randn(5, 2, 3), backend="cpu")


def test_promises_of_a_cell():
    check_cell(lambda i, h: JANETCell(i, h, t_max=20, beta=0.5))
