"""The standard cells are torch's: values, gradients, state_dict and errors; and step is forward."""

import pytest
import torch

import unroll

CELLS = [
    ("RNNCell", {"nonlinearity": "tanh"}),
    ("RNNCell", {"nonlinearity": "relu"}),
    ("LSTMCell", {}),
    ("GRUCell", {}),
]
cells = pytest.mark.parametrize(("name", "options"), CELLS)


def both(name, options, bias=True):
    ours = getattr(unroll, name)(3, 4, bias, **options)
    torchs = getattr(torch.nn, name)(3, 4, bias, **options)
    ours.load_state_dict(torchs.state_dict())
    return ours, torchs


def state_of(name, *shape):
    h = torch.randn(*shape)
    return (h, torch.randn(*shape)) if name == "LSTMCell" else h


def stepped(name, cell, x, state):
    """What `step` gives, in the form of torch's forward."""
    new = cell.step(x, unroll.LSTMState(*state) if name == "LSTMCell" else state)[1]
    return tuple(new) if name == "LSTMCell" else new


def total(result):
    h, c = result if isinstance(result, tuple) else (result, torch.zeros(()))
    return h.square().sum() + c.exp().sum()


@cells
@pytest.mark.parametrize("bias", [True, False])
def test_forward_and_gradients_are_torchs_and_step_is_forward(name, options, bias):
    ours, torchs = both(name, options, bias)
    x, state = torch.randn(2, 3), state_of(name, 2, 4)
    results = [ours(x, state), torchs(x, state), stepped(name, ours, x, state)]
    gradients = [
        torch.autograd.grad(total(result), list(cell.parameters()))
        for result, cell in zip(results, [ours, torchs, ours], strict=True)
    ]
    for k in (1, 2):
        torch.testing.assert_close(results[0], results[k])
        torch.testing.assert_close(gradients[0], gradients[k])
    torch.testing.assert_close(ours(x[0]), torchs(x[0]))  # unbatched, state left out


@cells
def test_state_dict_goes_both_ways(name, options):
    ours, torchs = both(name, options)
    torchs.load_state_dict(ours.state_dict())
    assert list(ours.state_dict()) == list(torchs.state_dict())


@cells
@pytest.mark.parametrize(
    ("x", "state"),
    [((2, 5), None), ((2, 3), (2, 5)), ((2, 3), (1, 4)), ((2, 2, 3), None), ((2, 3), (1, 2, 4))],
)
def test_errors_are_torchs(name, options, x, state):
    ours, torchs = both(name, options)
    arguments = (torch.zeros(x),) if state is None else (torch.zeros(x), state_of(name, *state))
    with pytest.raises(Exception) as expected:
        torchs(*arguments)
    with pytest.raises(type(expected.value)) as got:
        ours(*arguments)
    assert str(got.value) == str(expected.value)
