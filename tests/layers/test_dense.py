import pytest
import torch
from torch import nn

from unroll.layers.dense import Dense


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 2), (7,), (0, 2), (1, 2, 3), ()])
def test_values_and_gradients_are_those_of_torchs_linear(shape, bias):
    ours, torchs = Dense(3, 4, bias=bias), nn.Linear(3, 4, bias=bias)
    ours.load_state_dict(torchs.state_dict())
    x = torch.randn(*shape, 3, requires_grad=True)
    got, expected = ours(x), torchs(x)
    torch.testing.assert_close(got, expected)
    gradients = [
        torch.autograd.grad(y.cos().sum(), [x, *module.parameters()])
        for y, module in ((got, ours), (expected, torchs))
    ]
    torch.testing.assert_close(*gradients)
