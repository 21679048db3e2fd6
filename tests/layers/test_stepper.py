from functools import partial

import pytest
import torch
from torch import nn

import unroll
from unroll.cells import map_state

T, B, I, H = 5, 3, 2, 4


class MinimalGatedCell(unroll.Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.forget = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        f = torch.sigmoid(self.forget(torch.cat([x, h], 1)))
        h = (1 - f) * h + f * torch.tanh(self.candidate(torch.cat([x, f * h], 1)))
        return h, h


LAYERS = {
    "RNN": unroll.RNN,
    "RNN relu": partial(unroll.RNN, nonlinearity="relu"),
    "LSTM": unroll.LSTM,
    "LSTM projected": partial(unroll.LSTM, proj_size=2),
    "GRU": unroll.GRU,
    "Recurrent by name": partial(unroll.Recurrent, "lstm"),
    "Recurrent of a cell": partial(unroll.Recurrent, MinimalGatedCell),
    "Recurrent of torch's": partial(unroll.Recurrent, nn.GRUCell),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def layer_and_inputs(make):
    return make(I, H, num_layers=2).double(), torch.randn(T, B, I).double()


def same_state(got, expected):
    torch.testing.assert_close(map_state(lambda s: s, tuple(got)), tuple(expected))


@pytest.mark.parametrize("backend", ["auto", "loop"])
@every_layer
def test_step_by_step_equals_the_sequence(make, backend):
    layer, x = layer_and_inputs(make)
    with unroll.backend(backend):
        stepper = layer.stepper(B)
        outputs = torch.stack([stepper(step) for step in x])
    expected, state = layer(x)
    torch.testing.assert_close(outputs, expected)
    same_state(stepper.state, state)


@every_layer
def test_the_state_can_be_handed_over_kept_and_put_back(make):
    layer, x = layer_and_inputs(make)
    expected, _ = layer(x)
    _, prompt = layer(x[:2])
    stepper = layer.stepper(B, prompt)
    kept = stepper.state
    first = torch.stack([stepper(step) for step in x[2:]])
    stepper.state = kept
    again = torch.stack([stepper(step) for step in x[2:]])
    torch.testing.assert_close(first, expected[2:])
    torch.testing.assert_close(again, first, rtol=0, atol=0)


@every_layer
def test_select_keeps_drops_and_doubles_rows(make):
    layer, x = layer_and_inputs(make)
    rows = torch.tensor([2, 0, 0, 1, 2])
    stepper = layer.stepper(B)
    stepper(x[0])
    stepper.select(rows)
    output = stepper(x[1][rows])
    torch.testing.assert_close(output, layer(x[:2])[0][1][rows])


@every_layer
def test_it_runs_without_gradients_and_without_dropout_and_leaves_the_layer_in_training(make):
    layer = make(I, H, num_layers=2, dropout=0.9).double().train()
    x = torch.randn(T, B, I).double()
    stepper = layer.stepper(B)
    outputs = torch.stack([stepper(step) for step in x])
    assert not outputs.requires_grad
    assert layer.training
    assert all(m.training for m in layer.modules())
    assert all(p.requires_grad for p in layer.parameters())
    torch.testing.assert_close(outputs, layer.eval()(x)[0])


@every_layer
def test_the_weights_are_those_of_the_moment_it_was_made(make):
    layer, x = layer_and_inputs(make)
    expected = layer(x)[0][0]
    stepper = layer.stepper(B)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    torch.testing.assert_close(stepper(x[0]), expected)


@every_layer
def test_two_directions_have_no_stepper(make):
    with pytest.raises(ValueError, match="in two directions has no stepper"):
        make(I, H, bidirectional=True).stepper(B)


@pytest.mark.parametrize("state", [torch.zeros(1, B, H), torch.zeros(2, B, H + 1)])
@pytest.mark.parametrize("make", [unroll.GRU, partial(unroll.Recurrent, MinimalGatedCell)])
def test_a_state_that_does_not_fit_is_refused(make, state):
    with pytest.raises(ValueError, match="expected"):
        make(I, H, num_layers=2).stepper(B, state)
