"""The forecaster: where it starts, its heads, and what it reads back."""

from itertools import product

import numpy as np
import pytest
import torch

from unroll.tasks.forecast.network import ForecastNetwork, TargetInputs
from unroll.tasks.forecast.windows import WindowBatch

H, K, B, I, F = 6, 4, 3, 5, 2


def batch(base=None):
    last = torch.randn(B)
    return WindowBatch(
        x=torch.randn(H, B, I),
        future=torch.randn(K, B, F),
        base=last.expand(K, B) if base is None else base,
        last=last,
        scale=torch.tensor([0.5, 1.0, 2.0]),
        y=torch.randn(K, B),
        weight=torch.rand(K, B) > 0.3,
        series=torch.tensor([0, 1, 2]),
        recent=torch.ones(B),
    )


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        *product(["direct", "recursive"], ["mse", "gaussian", "student_t", "quantile"]),
        ("linear", "mse"),
    ],
)
def test_it_starts_at_the_naive_forecast_and_learns(head, loss):
    model = ForecastNetwork(
        I, F, K, 7, cell="gru", head=head, loss=loss, target=TargetInputs(0, 1, F), series=2,
        embedding_size=3,
    )  # fmt: skip
    one = batch()
    quantiles = model.quantiles(one)
    assert quantiles.shape == (K, B, 3)
    torch.testing.assert_close(quantiles[..., 1], one.base)
    model.loss(one).backward()
    assert model.readout.weight.grad.abs().sum() > 0
    with torch.no_grad():
        model.readout.weight.normal_()
    model.loss(one).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_what_is_not_known_counts_nothing():
    model, one = ForecastNetwork(I, F, K, 7), batch()
    loss = model.loss(one)
    one.y[~one.weight] = 1e6
    torch.testing.assert_close(model.loss(one), loss)


def test_a_recursive_head_reads_its_own_forecasts_back():
    """The second step equals a first one from a history that ends with the first forecast."""
    model = ForecastNetwork(I, F, K, 7, head="recursive", loss="mse", target=TargetInputs(0, 1, F))
    with torch.no_grad():
        model.readout.weight.normal_()
    one = batch()
    forecast = model.quantiles(one)[..., 1]
    x = one.x[-1].clone()
    x[:, 0] = forecast[0]
    x[:, 1] = (forecast[0] - one.last) / one.scale
    x[:, -F:] = one.future[1]
    later = WindowBatch(
        torch.cat([one.x, x[None]]), one.future[1:], one.base[1:], forecast[0].detach(),
        one.scale, one.y[1:], one.weight[1:], one.series, one.recent,
    )  # fmt: skip
    model.horizon = K - 1
    torch.testing.assert_close(model.quantiles(later)[..., 1], forecast[1:], atol=1e-5, rtol=1e-5)


def test_a_recursive_head_needs_to_know_its_target():
    with pytest.raises(ValueError, match="needs `target`"):
        ForecastNetwork(I, F, K, 7, head="recursive")


def test_batch_and_one_by_one_agree():
    model, one = ForecastNetwork(I, F, K, 7).eval(), batch()
    with torch.no_grad():
        torch.nn.init.normal_(model.readout.weight)
    together = model.quantiles(one).detach().numpy()
    for k in range(B):
        alone = WindowBatch(
            one.x[:, k : k + 1], one.future[:, k : k + 1], one.base[:, k : k + 1],
            one.last[k : k + 1], one.scale[k : k + 1], one.y[:, k : k + 1],
            one.weight[:, k : k + 1], one.series[k : k + 1], one.recent[k : k + 1],
        )  # fmt: skip
        found = model.quantiles(alone).detach().numpy()
        np.testing.assert_allclose(found[:, 0], together[:, k], atol=1e-5)
