"""The kernels that are the same for every cell, in one shared object for each kind of numbers."""

from __future__ import annotations

import ctypes
import functools

import torch

from unroll.engine.cpu import build
from unroll.engine.cpu.emit import source


@functools.cache
def library(real: torch.dtype) -> ctypes.CDLL:
    """`unroll_product` of products.h and `unroll_together` of together.h, ready to be called.

    Raises: build.BuildError.
    """
    loaded = build.load(source(real, "maths.h", "products.h", "together.h"))
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    product, together = loaded.unroll_product, loaded.unroll_together
    product.argtypes = (pointer, number, number, pointer, number, pointer, *[number] * 4)
    product.restype = None
    together.argtypes = (pointer, pointer, number)
    return loaded
