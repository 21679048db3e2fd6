"""Likelihoods against torch's distributions, tables and hands."""

import math

import pytest
import torch
from torch.distributions import Normal, StudentT

from unroll.tasks.forecast.likelihoods import likelihood, student_quantiles

LEVELS = (0.1, 0.5, 0.9)


def test_normal_and_student_are_torchs():
    f, y = torch.randn(3, 4, 2), torch.randn(3, 4)
    deviation = torch.nn.functional.softplus(f[..., 1]) + 1e-4
    gaussian = likelihood("gaussian", 3, LEVELS)
    torch.testing.assert_close(gaussian.loss(f, y), -Normal(f[..., 0], deviation).log_prob(y))
    torch.testing.assert_close(
        gaussian.quantiles(f)[..., 2], Normal(f[..., 0], deviation).icdf(torch.tensor(0.9))
    )
    student = likelihood("student_t", 3, LEVELS)
    expected = -StudentT(student.freedom[:, None], f[..., 0], deviation).log_prob(y)
    torch.testing.assert_close(student.loss(f, y), expected)


def test_students_quantiles_are_those_of_the_tables():
    found = student_quantiles(torch.tensor([2.5, 5.0, 30.0]), (0.025, 0.9, 0.975))
    assert found[1].tolist() == pytest.approx([-2.5706, 1.4759, 2.5706], abs=1e-3)
    assert found[2].tolist() == pytest.approx([-2.0423, 1.3104, 2.0423], abs=1e-3)
    assert found[0, 0] == pytest.approx(-found[0, 2].item(), abs=1e-4)


def test_quantiles_never_cross_and_their_loss_is_the_pinballs():
    f = 10 * torch.randn(2, 5, 3)
    kind = likelihood("quantile", 2, LEVELS)
    quantiles = kind.quantiles(f)
    assert (quantiles.diff(dim=-1) >= 0).all()
    one = kind.loss(torch.tensor([[[0.0, 1.0, 0.0]]]), torch.tensor([[2.0]]))
    gap = math.log(2)
    errors = (2 - 1 + gap, 1.0, 2 - 1 - gap)
    expected = 2 * sum(q * e for q, e in zip(LEVELS, errors, strict=True)) / 3
    assert one.item() == pytest.approx(expected, rel=1e-5)


def test_a_point_learns_its_band_from_errors():
    kind = likelihood("mae", 1, LEVELS)
    f, y = torch.zeros(1, 101, 1), torch.linspace(-1, 1, 101)[None]
    kind.learn_errors(f, y, torch.ones(1, 101, dtype=torch.bool))
    assert kind.quantiles(f[:, :1])[0, 0].tolist() == pytest.approx([-0.8, 0, 0.8], abs=1e-5)
