"""Small products: every tail, every layout, numbers that are not finite, and what is refused."""

import numpy as np
import pytest
import torch

from unroll.engine import products as reference
from unroll.engine.cpu import build, products

pytestmark = pytest.mark.skipif(
    build.unavailable() is not None, reason=f"no compiled kernels: {build.unavailable()}"
)
SIZES = [1, 2, 7, 8, 9, 16, 17, 31, 32, 33, 64, 100]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_tail(dtype):
    for rows in SIZES:
        for columns in SIZES:
            for terms in (1, 5, 64):
                a = torch.randn(rows, terms, dtype=dtype)
                b = torch.randn(terms, columns, dtype=dtype)
                assert within_rounding(products.small(a, b), a, b), (rows, columns, terms)


def within_rounding(result, a, b):
    """Off by at most half a unit of each sum on the way, of the magnitudes that are added."""
    left, right = (t.numpy().astype(np.longdouble) for t in (a, b))
    off = np.abs(result.numpy() - left @ right)
    return (off <= a.shape[1] * torch.finfo(a.dtype).eps / 2 * (abs(left) @ abs(right))).all()


def test_a_product_without_one_of_its_terms_is_further_off():
    a, b = torch.randn(33, 64), torch.randn(64, 17)
    assert within_rounding(products.small(a, b), a, b)
    assert not within_rounding(products.small(a[:, :63].contiguous(), b[:63]), a, b)
    assert not within_rounding(products.small(a, b).half().float(), a, b)


def test_no_terms_are_zeros():
    assert not products.small(torch.randn(3, 0), torch.randn(0, 4)).any()
    assert products.small(torch.randn(0, 3), torch.randn(3, 4)).shape == (0, 4)


def test_rows_that_do_not_lie_side_by_side():
    left, right = torch.randn(20, 90)[:, 10:51], torch.randn(20, 40)[:, 3:36]
    assert products.suits(left.t(), right)
    torch.testing.assert_close(products.over_rows(left, right), left.t() @ right)
    torch.testing.assert_close(
        products.over_rows(right[::2], left[::2]), right[::2].t() @ left[::2]
    )


def test_what_is_not_a_number_stays_so():
    a, b = torch.ones(9, 4), torch.ones(4, 33)
    b[2, 32], b[1, 0] = torch.nan, torch.inf
    result = products.small(a, b)
    assert result[:, 32].isnan().all() and result[:, 0].isinf().all()
    assert (result[:, 1:32] == 4).all()


def test_large_or_turned_operands_are_the_library_s():
    a = torch.randn(300, products.TERMS + 1)
    b = torch.randn(products.TERMS + 1, 8)
    assert not products.suits(a, b)
    turned = torch.randn(8, 5).t()
    assert not products.suits(torch.randn(3, 5), turned)
    for left, right in ((a, b), (torch.randn(3, 5), turned)):
        torch.testing.assert_close(products.product(left, right), reference.product(left, right))


def test_operands_that_do_not_fit_are_refused():
    with pytest.raises(RuntimeError, match=r"\[3, 4\].*\[5, 6\]"):
        products.small(torch.randn(3, 4), torch.randn(5, 6))
    with pytest.raises(RuntimeError, match="float64"):
        products.small(torch.randn(3, 4), torch.randn(4, 6, dtype=torch.float64))
