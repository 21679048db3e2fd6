import numpy as np
import pytest
import torch
from scipy.stats import pearsonr
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score, roc_auc_score

from unroll.inspect.probing.statistics import (
    area_under_curve,
    correlation,
    estimate,
    fold_numbers,
    held_out_predictions,
    labels_of_other_blocks,
    r_squared,
    weights,
)


def numbers(N=300):
    x = torch.randn(N, dtype=torch.float64).round(decimals=1)  # with ties
    y = (x + torch.randn(N, dtype=torch.float64) > 0).double()
    return x, y, torch.randint(4, (N, 3)).double()


def test_measures_are_those_of_sklearn_and_scipy():
    x, y, w = numbers()
    found = area_under_curve(x, y, w)
    assert found.tolist() == pytest.approx([roc_auc_score(y, x, sample_weight=k) for k in w.T])
    found = r_squared(x, y, w)
    assert found.tolist() == pytest.approx([r2_score(y, x, sample_weight=k) for k in w.T])
    one = torch.ones(len(x), 1, dtype=torch.float64)
    assert float(correlation(x, y, one)) == pytest.approx(pearsonr(x, y).statistic)
    repeated = correlation(x, y, w)[0]  # a weight is how often a step counts
    times = w[:, 0].long()
    x, y = x.repeat_interleave(times), y.repeat_interleave(times)
    assert float(repeated) == pytest.approx(pearsonr(x, y).statistic)
    assert float(area_under_curve(x, torch.ones_like(x), one[:1].expand(len(x), 1))) == 0.5


def test_an_interval_draws_whole_blocks():
    x, y, _ = numbers(400)
    alone = estimate(area_under_curve, x, y, torch.arange(400))
    assert alone.low < alone.value < alone.high and alone.value == pytest.approx(
        roc_auc_score(y, x)
    )
    blocks = torch.arange(400).repeat_interleave(10)
    copies = estimate(area_under_curve, x.repeat_interleave(10), y.repeat_interleave(10), blocks)
    assert copies.high - copies.low == pytest.approx(alone.high - alone.low)  # no narrower
    only = estimate(area_under_curve, x, y, torch.zeros(400))
    assert only.low == only.value == only.high


def test_the_readout_is_ridge_regression_on_other_folds():
    X, y = torch.randn(200, 5, dtype=torch.float64), torch.randn(200, 1, dtype=torch.float64)
    folds = torch.arange(200) % 5
    A = torch.cat([X, torch.ones(200, 1, dtype=torch.float64)], 1)
    rows = [folds == k for k in range(5)]
    grams = [(A[r].T @ A[r], A[r].T @ y[r], int(r.sum())) for r in rows]
    train = folds != 2
    model = Ridge(alpha=0.3 * int(train.sum())).fit(X[train], y[train])
    found = weights(grams, {2}, 0.3)
    assert found[:5, 0].tolist() == pytest.approx(model.coef_.ravel().tolist(), abs=1e-5)
    assert float(found[5, 0]) == pytest.approx(float(np.ravel(model.intercept_)[0]), abs=1e-5)


def test_a_readout_finds_what_no_unit_has_and_does_not_memorise():
    torch.manual_seed(0)
    X = torch.randn(500, 40)
    y = X[:, :20].double().sum(1)
    noise = torch.randn(500, dtype=torch.float64)
    found = held_out_predictions(X, torch.stack([y, noise], 1), torch.arange(500) % 5)
    assert r2_score(y, found[:, 0]) > 0.99
    assert r2_score(noise, found[:, 1]) < 0.05


def test_blocks_stay_together():
    blocks = torch.arange(12).repeat_interleave(3)
    folds = fold_numbers(blocks)
    assert all(len(folds[blocks == b].unique()) == 1 for b in range(12)) and set(
        folds.tolist()
    ) == set(range(5))
    assert fold_numbers(torch.zeros(10)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_chance_has_the_labels_of_other_blocks_at_the_same_place():
    blocks = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
    labels = torch.tensor([10.0, 11, 12, 20, 21, 30, 31, 32])
    found = labels_of_other_blocks(labels, blocks, 4)
    for column in found.T:
        for block in range(3):
            own = column[blocks == block]
            source = int(own[0]) // 10 - 1
            assert source != block
            other = labels[blocks == source].tolist()
            assert own.tolist() == (other + [other[-1]] * 3)[: len(own)]
