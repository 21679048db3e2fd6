import math

import pytest
import torch

from unroll.inspect.principal_components import principal_plane


def test_the_plane_is_that_of_the_principal_components():
    line = torch.linspace(-1, 1, 20)[:, None] * torch.tensor([[3.0, 4.0, 0.0]]) + 7
    places, shares = principal_plane(line)
    assert shares == pytest.approx((1.0, 0.0), abs=1e-9)
    assert places[:, 0].abs().max() == pytest.approx(5.0, rel=1e-6)
    assert principal_plane(torch.ones(9, 4)) is None and not math.isnan(shares[1])
