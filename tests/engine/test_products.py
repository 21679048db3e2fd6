"""The large products of all steps together."""

import pytest
import torch

from unroll.engine.products import ROWS, WORTH, linear, over_rows, product

BIG = WORTH // (64 * 64)  # rows from which on the fastest library is used


@pytest.mark.parametrize("rows", [3, BIG])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("has_bias", [False, True])
def test_a_product_is_torchs(rows, turned, has_bias):
    x, matrix = torch.randn(rows, 64), torch.randn(64, 64) / 8
    matrix = matrix.t() if turned else matrix
    bias = torch.randn(64) if has_bias else None
    expected = x @ matrix if bias is None else x @ matrix + bias
    torch.testing.assert_close(product(x, matrix, bias), expected)


def test_a_product_over_rows_is_taken_some_rows_at_a_time():
    left, right = torch.randn(2 * ROWS + 3, 2).double(), torch.randn(2 * ROWS + 3, 3).double()
    torch.testing.assert_close(over_rows(left, right), left.t() @ right)


def test_gradients_and_second_derivatives():
    x, matrix, bias = (
        torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((4, 3), (3, 2), (2,))
    )
    assert torch.autograd.gradcheck(linear, (x, matrix, bias))
    assert torch.autograd.gradgradcheck(linear, (x, matrix, bias))
