"""Naive forecasts against numbers worked by hand."""

import numpy as np

from unroll.tasks.forecast.baselines import naive_forecasts


def test_naive_forecasts_begin_at_their_own_series():
    values = np.array([9.0, 9.0, 1.0, 2.0, 4.0, 7.0])
    first, since = values[2:3], np.array([3])
    found = naive_forecasts(values, np.array([5]), first, since, 2, 2)
    assert found["naive"].tolist() == [[7, 7]]
    assert found["seasonal naive"].tolist() == [[4, 7]]
    assert found["drift"].tolist() == [[9, 11]]
    alone = naive_forecasts(values, np.array([5]), first, since, 2, 1)
    assert "seasonal naive" not in alone
