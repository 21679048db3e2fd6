"""What changes between calls is seen: weights, settings, modes and stand-ins."""

import copy
import gc
import io
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import orthogonal, weight_norm

import unroll

from .compiled import (
    RESETS,
    B,
    H,
    I,
    Plain,
    Scaled,
    T,
    assert_as_the_loop,
    compiled,
    ours_and_the_loops,
    the_cell,
)

pytestmark = compiled


def assert_seen(cell, change, x=None):
    """What a change makes of the outputs is what it makes of the loop's."""
    x = torch.randn(T, B, cell.input_size, dtype=torch.float64) if x is None else x
    before, right = ours_and_the_loops(cell, x)
    torch.testing.assert_close(before, right, rtol=1e-10, atol=1e-10)
    change()
    after, right = ours_and_the_loops(cell, x)
    torch.testing.assert_close(after, right, rtol=1e-10, atol=1e-10)
    assert not torch.equal(before, after)


def test_weights_changed_in_place_or_replaced_are_seen():
    cell = the_cell("lstm")

    def in_place():
        with torch.no_grad():
            cell.weight_hh.mul_(0.5)

    def through_data():
        cell.weight_hh.data += 0.1

    def data_replaced():
        cell.bias_hh.data = torch.randn(4 * H, dtype=torch.float64)

    def replaced():
        cell.weight_hh = nn.Parameter(torch.randn(4 * H, H, dtype=torch.float64))

    def loaded():
        cell.load_state_dict(unroll.LSTMCell(I, H).double().state_dict())

    for change in (in_place, through_data, data_replaced, replaced, loaded):
        assert_seen(cell, change)


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_training_goes_as_on_the_loop(optimizer):
    ours = copy.deepcopy(the_cell("gru"))
    theirs = copy.deepcopy(ours)
    x = torch.randn(T, B, I, dtype=torch.float64)
    losses = {}
    for cell, backend in ((ours, "cpu"), (theirs, "loop")):
        steps, losses[backend] = optimizer(cell.parameters(), lr=0.05), []
        for _ in range(5):
            loss = unroll.unroll(cell, x, backend=backend)[0].square().sum()
            steps.zero_grad()
            loss.backward()
            steps.step()
            losses[backend].append(loss.item())
    assert losses["cpu"] == pytest.approx(losses["loop"], rel=1e-9)
    assert losses["cpu"][-1] < losses["cpu"][0]


def test_attributes_that_the_step_uses_are_seen():
    cell = Scaled(I, I).double()
    assert_seen(cell, lambda: setattr(cell, "alpha", 0.9))
    assert_seen(cell, lambda: setattr(cell, "alpha", 2))
    cell.alpha = torch.tensor(0.3)  # what it holds may change without a trace
    with pytest.raises(RuntimeError, match="register_buffer"):
        unroll.unroll(cell, torch.zeros(T, B, I, dtype=torch.float64), backend="cpu")
    cell = Plain(I, H).double()
    assert_seen(cell, lambda: setattr(cell, "activation", torch.sigmoid))
    assert_seen(cell, lambda: setattr(cell, "activation", torch.nn.functional.relu))


def test_a_function_in_the_place_of_one_that_is_gone_is_seen():
    cell = Plain(I, H).double()
    x = torch.randn(T, B, I, dtype=torch.float64)

    def times(factor):
        return lambda v: torch.tanh(v) * factor

    for k in range(8):
        cell.activation = None
        gc.collect()
        cell.activation = times(k + 1)
        ours, right = ours_and_the_loops(cell, x)
        torch.testing.assert_close(ours, right, rtol=1e-10, atol=1e-10)


class Settings:
    def __init__(self, alpha):
        self.alpha = alpha


class WithSettings(Scaled):
    beta = 1.0

    def forward(self, x, h):
        h = torch.tanh(x + self.beta * self.settings.alpha * self.u * h)
        return h, h


def test_settings_inside_an_object_of_the_cell_are_seen():
    cell = WithSettings(I, I).double()
    cell.settings = Settings(0.5)
    assert_seen(cell, lambda: setattr(cell.settings, "alpha", 0.9))
    cell.settings = [Settings(0.5)][0]
    assert_seen(cell, lambda: setattr(cell, "settings", Settings(0.1)))


def test_an_attribute_of_the_class_is_seen(monkeypatch):
    cell = WithSettings(I, I).double()
    cell.settings = Settings(0.5)
    assert_seen(cell, lambda: monkeypatch.setattr(WithSettings, "beta", 0.2))


def test_another_mode_is_another_step():
    class OnlyInTraining(Plain):
        def forward(self, x, h):
            h, _ = super().forward(x, h)
            h = 0.5 * h if self.training else h
            return h, h

    cell = OnlyInTraining(I, H).double()
    assert_seen(cell, cell.eval)
    assert_seen(cell, cell.train)


def test_a_copied_or_pickled_cell_runs_on_its_own():
    x = torch.randn(T, B, I, dtype=torch.float64)
    cell = Plain(I, H).double()
    ours_and_the_loops(cell, x)
    file = io.BytesIO()
    torch.save(cell, file)
    file.seek(0)
    twins = [
        copy.deepcopy(cell),
        pickle.loads(pickle.dumps(cell)),
        torch.load(file, weights_only=False),
    ]
    for twin in twins:
        with torch.no_grad():
            twin.recur.weight.mul_(-1)
        ours, right = ours_and_the_loops(twin, x)
        torch.testing.assert_close(ours, right, rtol=1e-10, atol=1e-10)
        assert not torch.equal(ours, ours_and_the_loops(cell, x)[0])
    layer = unroll.LSTM(I, H, 2).double()
    expected = layer(x, backend="cpu")[0]
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(twin(x, backend="cpu")[0], expected, rtol=0, atol=0)


@pytest.mark.parametrize("parametrization", [weight_norm, orthogonal])
def test_parametrized_weights_are_the_loops(parametrization):
    cell = Plain(I, H).double()
    parametrization(cell.recur, "weight")
    x = torch.randn(T, B, I, dtype=torch.float64)
    assert_as_the_loop(cell, x, lengths=[3, 0, 5, 1])


def test_stand_ins_take_the_place_of_parameters_and_get_the_gradient():
    cell, other = the_cell("lstm"), unroll.LSTMCell(I, H).double()
    x = torch.randn(T, B, I, dtype=torch.float64)
    for names in (list(dict(other.named_parameters())), ["weight_hh"]):
        stand_ins = {n: 2 * p for n, p in other.named_parameters() if n in names}
        found = []
        for backend in ("cpu", "loop"):
            output, _ = unroll.unroll(cell, x, parameters=stand_ins, backend=backend)
            wanted = [dict(other.named_parameters())[n] for n in names]
            found.append([output, *torch.autograd.grad(output.sum(), wanted)])
            stand_ins = {n: 2 * p for n, p in other.named_parameters() if n in names}
        torch.testing.assert_close(*found, rtol=1e-10, atol=1e-10)


class LearnedStart(Plain):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.start = nn.Parameter(torch.randn(hidden_size))

    def initial_state(self, batch_size, **like):
        return self.start.expand(batch_size, -1)


def test_a_learned_start_is_learned_also_at_resets():
    cell = LearnedStart(I, H).double()
    x = torch.randn(T, B, I, dtype=torch.float64)
    resets = torch.tensor(RESETS["some"], dtype=torch.bool)
    for keywords in ({}, {"resets": resets}, {"resets": resets, "lengths": [3, 0, 5, 1]}):
        found = assert_as_the_loop(cell, x, **keywords)
        assert found["d start"].any()


def test_tied_weights_are_one_weight():
    cell = Plain(H, H).double()
    cell.recur.weight = cell.read.weight
    assert_as_the_loop(cell, torch.randn(T, B, H, dtype=torch.float64))
