"""Between the pieces of a window the gradient is truncated or scaled, and the values are not."""

import pytest
import torch

from unroll.data.stream import TokenBatch, Window
from unroll.models.language import LanguageModel
from unroll.tasks.language.window_loss import scale_gradient, window_loss


@pytest.fixture
def network():
    torch.manual_seed(1)
    return LanguageModel(7, 3, 5).double().eval()


def batch(*scales):
    ids = torch.arange(9).remainder(7)[:, None]
    return TokenBatch(ids[:-1], ids[1:], True, window=Window(0, (4, 4), 0, 1, scales))


def gradient(network, scales):
    network.zero_grad()
    loss, carried = window_loss(
        lambda x, y, s, w: network.loss(x, y, s, weight=w), batch(*scales), None
    )
    loss.backward()
    return loss.item(), carried, network.embedding.weight.grad.clone()


def test_a_factor_of_one_is_the_whole_gradient_and_zero_is_truncation(network):
    whole, carried, full = gradient(network, (0.0, 1.0))
    network.zero_grad()
    x, y = batch(0.0, 1.0).x, batch(0.0, 1.0).y
    expected, _ = network.loss(x, y)
    expected.backward()
    torch.testing.assert_close(full, network.embedding.weight.grad)
    assert whole == pytest.approx(expected.item())
    truncated_loss, _, truncated = gradient(network, (0.0, 0.0))
    assert truncated_loss == whole and not torch.allclose(truncated, full)
    # the next window begins after the first piece
    _, middle = network.loss(x[:4], y[:4])
    torch.testing.assert_close(carried, middle)


def test_the_gradient_is_multiplied_and_the_value_is_not():
    x = torch.ones(3, requires_grad=True)
    y = scale_gradient(x, 2.5)
    y.sum().backward()
    assert torch.equal(y, x) and x.grad.tolist() == [2.5] * 3
    assert scale_gradient(x, 1) is x
