import importlib.util
import statistics
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import unroll
from unroll.cells.echo_state import EchoStateCell
from unroll.layers.ridge import ROWS, Ridge, fit_ridge

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "memory" / "mackey_glass.py"


def data(*leading, H=7, O=2, dtype=torch.float64):
    """States whose units depend on each other, and targets that no line fits exactly."""
    states = torch.randn(*leading, H, dtype=dtype) @ torch.randn(H, H, dtype=dtype) + 0.5
    return states, torch.tanh(states[..., :O]) + 0.1 * torch.randn(*leading, O, dtype=dtype)


def normal_equations(states, targets, penalty, bias=True):
    """In numpy, with the bias outside: of centred columns it is the mean that is left."""
    x, y = (t.reshape(-1, t.shape[-1]).numpy() for t in (states, targets))
    mean_x, mean_y = x.mean(0) * bias, y.mean(0) * bias
    x, y = x - mean_x, y - mean_y
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)
    return torch.from_numpy(weights.T), torch.from_numpy(mean_y - mean_x @ weights)


def same(readout, other):
    torch.testing.assert_close(readout.weight, other.weight, rtol=1e-9, atol=1e-11)
    if other.bias is not None:
        torch.testing.assert_close(readout.bias, other.bias, rtol=1e-9, atol=1e-11)


def test_worked_by_hand():
    # x = 1, 2, 3 and y = 2, 3, 5: about their means 2 and 10/3 they are -1, 0, 1 and -4/3, -1/3, 5/3,
    # so w = (4/3 + 5/3) / (2 + penalty) = 1 for a penalty of 1, and b = 10/3 - 2 w = 4/3.
    # Without a bias w = (2 + 6 + 15) / (14 + penalty) = 23/15.
    x, y = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[2.0], [3.0], [5.0]])
    readout = fit_ridge(x, y, penalty=1.0)
    assert readout.weight.item() == pytest.approx(1.0)
    assert readout.bias.item() == pytest.approx(4 / 3)
    readout = fit_ridge(x, y, penalty=1.0, bias=False)
    assert readout.weight.item() == pytest.approx(23 / 15)
    assert readout.bias is None


def test_weights_are_reservoirpys():
    """The literal numbers of tests/cells/test_echo_state.py: that reservoir, 0.3 of leak.

    reservoirpy 0.4.2's Ridge(ridge=...).fit(states[100:], targets[100:]) gave Wout and bias.
    """
    cell = EchoStateCell(2, 4, leak_rate=0.3).double()
    W = [[0, 1.25, 0, -0.5], [0.75, 0, 0, 0], [0, -1, 0.25, 0], [0, 0, 1.5, -0.75]]
    cell.weight_hh.copy_(torch.tensor(W))
    cell.weight_ih.copy_(torch.tensor([[0.5, -1], [-0.25, 0.75], [1, 0], [0, 0.5]]))
    cell.bias.copy_(torch.tensor([0.1, -0.2, 0.3, 0.0], dtype=torch.float64))
    t = torch.arange(300, dtype=torch.float64)
    x = torch.stack([torch.sin(0.3 * t), torch.cos(0.7 * t)], -1)
    y = torch.stack([torch.sin(0.3 * (t + 1)) * torch.cos(0.7 * t), torch.sin(0.3 * (t - 2))], -1)
    states, _ = unroll.unroll(cell, x.unsqueeze(1), backend="loop")
    readout = fit_ridge(states, y.unsqueeze(1), penalty=10.0, washout=100)
    expected = [
        [-0.17782673954832837, -0.046233063535424834, 0.08506238996976354, -0.16373926298425728],
        [0.4092881564107671, -0.04219933883543479, 1.055251958901002, 0.4680408287420289],
    ]
    for got, row in zip(readout.weight.tolist(), expected, strict=True):
        assert got == pytest.approx(row, abs=1e-11)
    assert readout.bias.tolist() == pytest.approx([-0.04701290836350801, -0.5027998569005517])
    readout = fit_ridge(states, y.unsqueeze(1), penalty=1e-3, washout=100)
    expected = [-3.0504576120283122, -2.1846868180888936, 1.726572980416818, -1.7239420358760096]
    assert readout.weight[0].tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("penalty", [0.0, 1e-6, 3.0, 1e4])
def test_it_solves_the_normal_equations(penalty, bias):
    states, targets = data(60, 3)
    readout = fit_ridge(states, targets, penalty=penalty, bias=bias)
    weight, intercept = normal_equations(states, targets, penalty, bias)
    torch.testing.assert_close(readout.weight.data, weight, rtol=1e-8, atol=1e-10)
    if bias:
        torch.testing.assert_close(readout.bias.data, intercept, rtol=1e-8, atol=1e-10)


def test_a_tiny_penalty_is_least_squares():
    states, targets = data(200)
    readout = fit_ridge(states, targets, penalty=1e-10)
    ones = torch.cat([states, torch.ones(200, 1, dtype=torch.float64)], 1)
    solution = torch.linalg.lstsq(ones, targets).solution.T
    torch.testing.assert_close(torch.cat([readout.weight, readout.bias[:, None]], 1), solution)


def test_a_huge_penalty_leaves_the_mean():
    states, targets = data(200)
    readout = fit_ridge(states, targets, penalty=1e15)
    assert readout.weight.abs().max() < 1e-9
    torch.testing.assert_close(readout.bias.data, targets.mean(0))


@pytest.mark.parametrize("washout", [0, 5, 12, 30])
@pytest.mark.parametrize("leading", [(50,), (50, 3)])
def test_a_stream_is_the_whole(leading, washout):
    states, targets = data(*leading)
    whole = fit_ridge(states, targets, penalty=0.1, washout=washout)
    sizes = [7, 1, 22, 0, 20]
    generated = (block for block in states.split(sizes))
    same(fit_ridge(generated, targets.split(sizes), penalty=0.1, washout=washout), whole)


def test_more_rows_than_are_taken_at_once():
    states, targets = data(2 * ROWS + 5, H=2)
    readout = fit_ridge(states, targets, penalty=2.0)
    weight, _ = normal_equations(states, targets, 2.0)
    torch.testing.assert_close(readout.weight.data, weight)


def test_only_the_sums_are_kept():
    sums = Ridge()
    for _ in range(3):
        sums.add(*data(500))
    kept = [value for value in vars(sums).values() if isinstance(value, torch.Tensor)]
    assert sums.rows == 1500
    assert sum(tensor.numel() for tensor in kept) == 8 * 8 + 8 * 2
    assert {tensor.dtype for tensor in kept} == {torch.float64}


def test_one_pass_serves_every_penalty():
    states, targets = data(80)
    sums = Ridge()
    sums.add(states[:30], targets[:30])
    sums.add(states[30:], targets[30:])
    for penalty in (1e-3, 1.0, 100.0, 1e-3):  # solving changes nothing
        same(sums.solve(penalty), fit_ridge(states, targets, penalty=penalty))


def test_the_washout_is_left_out_of_every_sequence():
    states, targets = data(20, 3)
    late = fit_ridge(states[6:], targets[6:])
    states[:6] = torch.nan
    same(fit_ridge(states, targets, washout=6), late)


@pytest.mark.parametrize("as_tensor", [False, True])
def test_padding_is_left_out(as_tensor):
    states, targets = data(20, 4)
    lengths, washout = [20, 11, 0, 3], 4
    rows = [(states[washout:n, b], targets[washout:n, b]) for b, n in enumerate(lengths)]
    cut = fit_ridge(torch.cat([x for x, _ in rows]), torch.cat([y for _, y in rows]))
    for b, n in enumerate(lengths):
        states[n:, b] = targets[n:, b] = torch.nan
    given = torch.tensor(lengths) if as_tensor else lengths
    same(fit_ridge(states, targets, washout=washout, lengths=given), cut)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_it_is_an_ordinary_linear_layer(dtype):
    states, targets = data(50, 3, dtype=torch.float32)
    states.requires_grad_()
    before = torch.get_rng_state()
    readout = fit_ridge(states.to(dtype), targets)
    assert torch.equal(torch.get_rng_state(), before)  # nothing is drawn
    assert type(readout) is nn.Linear
    assert readout.weight.dtype == readout.bias.dtype == dtype
    assert readout.weight.requires_grad and readout.weight.grad_fn is None
    assert readout(states.to(dtype)).shape == (50, 3, 2)
    assert (readout.in_features, readout.out_features) == (7, 2)


def test_rows_may_be_the_last_states_of_sequences():
    """Final states [B, H] and one target for each: B rows."""
    states, targets = data(40)
    weight, _ = normal_equations(states, targets, 1.0)
    torch.testing.assert_close(fit_ridge(states, targets, penalty=1.0).weight.data, weight)


def singular(what):
    states, targets = data(50)
    if what == "a dead unit":
        states[:, 3] = 0
    elif what == "two units alike":
        states[:, 3] = states[:, 5]
    elif what == "a sum of others":
        states[:, 6] = states[:, :6].sum(1)
    elif what == "a constant unit":
        states[:, 0] = 2.5
    else:
        states, targets = states[:5], targets[:5]
    return states, targets


@pytest.mark.parametrize(
    "what", ["a dead unit", "two units alike", "a sum of others", "a constant unit", "few rows"]
)
def test_a_singular_system_is_refused_in_a_sentence(what):
    states, targets = singular(what)
    with pytest.raises(
        ValueError,
        match=rf"cannot be solved with penalty=0: {len(states)} rows do not determine 8 weights per output"
        r".*Give a larger penalty, or more steps\.",
    ):
        fit_ridge(states, targets, penalty=0)
    readout = fit_ridge(states, targets)  # the penalty chooses among the solutions
    assert readout.weight.isfinite().all()
    assert readout.weight.abs().max() < 100


def test_what_does_not_fit_is_refused():
    states, targets = data(20, 3)
    with pytest.raises(ValueError, match=r"states \[20, 3, 7\] and targets \[20, 3\]; .*unsqueeze"):
        fit_ridge(states, targets[..., 0])
    with pytest.raises(ValueError, match=r"\[20, 3, 7\] and targets \[3, 20, 2\]"):
        fit_ridge(states, targets.transpose(0, 1))
    with pytest.raises(ValueError, match=r"states \[7\] and targets \[2\]"):
        fit_ridge(states[0, 0], targets[0, 0])
    with pytest.raises(ValueError, match=r"a tensor and blocks; .*targets\.split\(n\)"):
        fit_ridge([states], targets)
    with pytest.raises(ValueError, match="lengths for blocks; expected none"):
        fit_ridge([states], [targets], lengths=[1, 2, 3])
    with pytest.raises(
        ValueError, match="more blocks of targets than of states; expected the same number"
    ):
        fit_ridge([states], [targets, targets])
    with pytest.raises(ValueError, match="more blocks of states than of targets"):
        fit_ridge([states, states], [targets])
    with pytest.raises(ValueError, match="washout=-1"):
        fit_ridge(states, targets, washout=-1)
    for given in ((states, targets), ([states], [targets])):
        with pytest.raises(ValueError, match="washout=20, which leaves no step"):
            fit_ridge(*given, washout=20)
    for lengths in ([1, 2], [1, 2, 21], [-1, 2, 3]):
        with pytest.raises(ValueError, match=r"lengths of shape .*from 0 to T=20"):
            fit_ridge(states, targets, lengths=lengths)
    for penalty in (-1.0, float("nan")):
        with pytest.raises(ValueError, match=f"penalty={penalty}; expected at least 0"):
            fit_ridge(states, targets, penalty=penalty)
    with pytest.raises(ValueError, match="no rows to solve for"):
        Ridge().solve()


def test_what_is_refused_is_not_added():
    states, targets = data(30)
    sums = Ridge()
    sums.add(states, targets)
    bad = states.clone()
    bad[3, 2] = torch.inf
    with pytest.raises(ValueError, match="states with numbers that are not finite"):
        sums.add(bad, targets)
    with pytest.raises(ValueError, match="targets with numbers that are not finite"):
        sums.add(states, targets.clone().fill_(torch.nan))
    with pytest.raises(ValueError, match=r"width H=6 and .* O=2; expected H=7 and O=2"):
        sums.add(states[:, 1:], targets)
    with pytest.raises(ValueError, match=r"targets \[30\]"):
        sums.add(states, targets[:, 0])
    assert sums.rows == 30
    same(sums.solve(), fit_ridge(states, targets))


@pytest.mark.skipif(not BENCHMARK.exists(), reason="the benchmarks are not beside the tests")
def test_mackey_glass_ten_steps_ahead():
    """reservoirpy's tutorial 3, with its settings: 7.7e-3; with a bias far below it."""
    spec = importlib.util.spec_from_file_location("mackey_glass", BENCHMARK)
    task = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(task)
    u = task.scaled(torch.tensor(task.mackey_glass(), dtype=torch.float64))
    assert len(u) == 2510 and u[:2010].min() == -1 and u[:2010].max() == 1
    errors = [task.ours(u, seed, task.TUTORIAL, 1e-8, 0) for seed in range(5)]
    assert statistics.median(errors) <= 7.7e-3
    with_bias = task.TUTORIAL | {"bias_scaling": 1.0}
    errors = [task.ours(u, seed, with_bias, 1e-8, 100) for seed in range(3)]
    assert statistics.median(errors) <= 1.5e-3
    assert task.baseline(u, 100) > 3e-2  # it is no task for a linear function
