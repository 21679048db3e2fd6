"""The loss over a large vocabulary is the plain one, in value and gradient, in blocks of any size."""

import pytest
import torch
from torch.nn.functional import cross_entropy, linear

from unroll.models import softmax
from unroll.models.softmax import linear_cross_entropy, loss_and_hits


def inputs(N, H, V):
    h, weight, bias = (
        torch.randn(*shape, dtype=torch.float64, requires_grad=True)
        for shape in ((N, H), (V, H), (V,))
    )
    return h, weight, bias, torch.randint(V, (N,))


@pytest.mark.parametrize("chunk", [1, 20, 33, 1 << 22])
@pytest.mark.parametrize("size", [(7, 3, 11), (1, 1, 1), (12, 5, 2)])
def test_equals_the_plain_loss_for_every_cut(monkeypatch, chunk, size):
    monkeypatch.setattr(softmax, "CHUNK", chunk)
    *tensors, y = inputs(*size)
    ours = linear_cross_entropy(*tensors, y)
    plain = cross_entropy(linear(*tensors), y, reduction="sum")
    assert torch.allclose(ours, plain, atol=1e-12)
    got = torch.autograd.grad(3 * ours, tensors)
    expected = torch.autograd.grad(3 * plain, tensors)
    for a, b in zip(got, expected, strict=True):
        assert torch.allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("chunk", [20, 1 << 22])
def test_smoothed_equals_the_plain_smoothed_loss(monkeypatch, chunk):
    monkeypatch.setattr(softmax, "CHUNK", chunk)
    *tensors, y = inputs(7, 3, 11)
    ours = linear_cross_entropy(*tensors, y, 0.3)
    plain = cross_entropy(linear(*tensors), y, reduction="sum", label_smoothing=0.3)
    assert torch.allclose(ours, plain, atol=1e-12)
    got = torch.autograd.grad(3 * ours, tensors)
    expected = torch.autograd.grad(3 * plain, tensors)
    for a, b in zip(got, expected, strict=True):
        assert torch.allclose(a, b, atol=1e-12)


def test_gradcheck():
    *tensors, y = inputs(4, 3, 5)
    assert torch.autograd.gradcheck(lambda *t: linear_cross_entropy(*t, y), tensors)


def test_large_logits_stay_finite_and_nan_stays_nan():
    h, weight, bias, y = inputs(3, 2, 4)
    assert torch.isfinite(linear_cross_entropy(1e6 * h, weight, bias, y))
    assert torch.isnan(linear_cross_entropy(h * float("nan"), weight, bias, y))


def test_no_targets_is_a_zero_loss():
    h, weight, bias, y = inputs(3, 2, 4)
    assert linear_cross_entropy(h[:0], weight, bias, y[:0]) == 0


def test_only_wanted_gradients_are_made():
    h, weight, bias, y = inputs(3, 2, 4)
    (gradient,) = torch.autograd.grad(
        linear_cross_entropy(h.detach(), weight, bias.detach(), y), weight
    )
    assert gradient.shape == weight.shape


def test_loss_and_hits_of_known_targets():
    h, weight, bias = torch.randn(6, 3), torch.randn(5, 3), torch.randn(5)
    logits = h @ weight.T + bias
    y = torch.tensor(
        [int(row.argmax()) for row in logits[:4]] + [int(r.argmin()) for r in logits[4:]]
    )
    nats, hits = loss_and_hits(h, weight, bias, y)
    assert hits == 4
    expected = torch.nn.functional.cross_entropy(logits, y, reduction="sum")
    assert nats == pytest.approx(float(expected), rel=1e-5)
