"""The kernels that are the same for every cell, and the threads that all kernels borrow."""

from __future__ import annotations

import ctypes
import functools
import os

import torch

from unroll.engine.cpu import build
from unroll.engine.cpu.emit import source


class Runtime(ctypes.Structure):
    """Functions of GNU's OpenMP runtime; see team.h."""

    _fields_ = tuple((name, ctypes.c_void_p) for name in ("parallel", "index", "members"))


@functools.cache
def runtime() -> Runtime | None:
    """The OpenMP runtime that torch has loaded, where it is GNU's, else None."""
    names = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
    try:
        here = ctypes.CDLL(None)
        functions = [ctypes.cast(getattr(here, name), ctypes.c_void_p).value for name in names]
    except (AttributeError, OSError, TypeError):  # another runtime, or another system
        return None
    return Runtime(*functions)


def borrowed() -> int:
    """The address of the runtime, or 0."""
    found = None if _forked else runtime()
    return 0 if found is None else ctypes.addressof(found)


_forked = False


def _after_fork() -> None:
    """A forked child has the runtime's records of its parent's threads, but not the threads."""
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_after_fork)


@functools.cache
def library(real: torch.dtype) -> ctypes.CDLL:
    """`unroll_product` of products.h and `unroll_together` of together.h, ready to be called.

    Raises:
        BuildError: where it cannot be compiled.
    """
    loaded = build.load(
        source(real, "maths.h", "products.h", "team.h", "together.h"),
        functions=("unroll_product", "unroll_together"),
    )
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    product, together = loaded.unroll_product, loaded.unroll_together
    product.argtypes = (pointer, number, number, pointer, number, pointer, *[number] * 4)
    product.restype = None
    together.argtypes = (pointer, pointer, number, pointer)
    return loaded
