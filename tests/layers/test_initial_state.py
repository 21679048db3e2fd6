"""A layer may start from a learned state, or from a random one in training."""

import pytest
import torch

import unroll
from unroll.layers.initial_state import SPREAD, InitialState


def make(cell, kind, **options):
    torch.manual_seed(0)
    layer = unroll.Recurrent(cell, 3, 4, **options)
    layer.start = InitialState(kind, layer.initial_state(1))
    return layer


@pytest.mark.parametrize("backend", ["loop", "torch", "cpu"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_learned_state_is_as_a_given_one_and_gets_its_gradient(cell, backend):
    layer = make(cell, "learned", num_layers=2, bidirectional=True)
    for parameter in layer.start.parameters():
        torch.nn.init.normal_(parameter)
    x, lengths = torch.randn(5, 3, 3), [5, 3, 0]
    output, last = layer(x, lengths=lengths, backend=backend)
    own = [p.detach().clone().requires_grad_() for p in layer.start.parameters()]
    given = [p.expand(-1, 3, -1) for p in own]
    state = type(last)(*given) if cell == "lstm" else given[0]
    expected, _ = layer(x, state, lengths=lengths, backend=backend)
    torch.testing.assert_close(output, expected)
    output.square().sum().backward()
    expected.square().sum().backward()
    for parameter, tensor in zip(layer.start.parameters(), own, strict=True):
        assert parameter.grad.abs().sum() > 0
        torch.testing.assert_close(parameter.grad, tensor.grad)


def test_a_learned_state_gets_its_gradient_through_segments():
    layer, x = make("lstm", "learned"), torch.randn(9, 2, 3)
    layer(x)[0].sum().backward()
    whole = layer.start.h.grad.clone()
    layer.start.h.grad = None
    layer(x, segment_length=2)[0].sum().backward()
    torch.testing.assert_close(layer.start.h.grad, whole)


def test_a_learned_state_begins_as_zeros_and_the_stepper_has_it_too():
    layer, plain, x = make("lstm", "learned"), unroll.Recurrent("lstm", 3, 4), torch.randn(5, 2, 3)
    plain.load_state_dict({k: v for k, v in layer.state_dict().items() if "start" not in k})
    torch.testing.assert_close(layer(x)[0], plain(x)[0])
    torch.nn.init.ones_(layer.start.c)
    stepper = layer.stepper(2)
    outputs = torch.stack([stepper(step) for step in x])
    torch.testing.assert_close(outputs, layer(x)[0])
    assert not torch.allclose(outputs, plain(x)[0])


def test_a_random_state_is_new_in_each_call_of_training_and_absent_elsewhere():
    layer, x = make("gru", "random"), torch.zeros(1, 10_000, 3)
    first = layer.initial_state(10_000)
    assert not torch.equal(first, layer.initial_state(10_000))
    assert first.std().item() == pytest.approx(SPREAD, rel=0.03) and abs(first.mean()) < 0.01
    torch.manual_seed(5)
    output = layer(x)[0]
    torch.manual_seed(5)
    torch.testing.assert_close(layer(x, layer.initial_state(10_000))[0], output)
    assert not torch.equal(output, layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0]) and layer.initial_state(2).abs().sum() == 0
    assert not layer.state_dict().keys() & {"start.h"}


def test_a_state_that_is_given_is_used_as_it_is():
    layer, x = make("gru", "random"), torch.randn(3, 2, 3)
    assert torch.equal(layer(x, torch.ones(1, 2, 4))[0], layer(x, torch.ones(1, 2, 4))[0])


def test_fields_of_whole_numbers_stay():
    layer = unroll.Recurrent("clockwork", 3, 8)
    layer.start = InitialState("learned", layer.initial_state(1))
    output, _ = layer(torch.randn(4, 2, 3))
    output.sum().backward()
    assert all(p.grad is not None for p in layer.start.parameters())


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="expected 'learned' or 'random'"):
        InitialState("warm", torch.zeros(1, 1, 4))
