"""The kernels that are the same for every cell."""

import ctypes

import pytest
import torch

from unroll.engine.cpu import build
from unroll.engine.cpu.library import borrowed, library, runtime

pytestmark = pytest.mark.skipif(build.unavailable() is not None, reason="no kernels here")


@pytest.mark.parametrize("real", [torch.float32, torch.float64])
def test_it_is_built_once_for_each_type(real):
    assert library(real) is library(real)
    assert library(real).unroll_product.restype is None


def test_threads_are_borrowed_where_torchs_runtime_is_gnus():
    found = runtime()
    assert borrowed() == (0 if found is None else ctypes.addressof(found))
    assert found is None or all(getattr(found, name) for name, _ in found._fields_)
