"""One step. Each file is one cell, or one family of cells, and reads like its equations.

Every class is loaded when it is first used (PEP 562): the names of the cells need no torch, and one
cell does not load the others. `__init__.pyi` gives type checkers the same names; `make stubs`
writes it from the table in `names.py`.
"""

from importlib import import_module
from typing import Any

from unroll.cells.names import public_classes

# the file in this folder that defines each name
MODULES = public_classes() | {
    "CELLS": "names",
    "State": "state",
    "as_cell": "torch_cell",
    "fields": "state",
    "map_state": "state",
    "cell_factory": "names",
}

__all__ = [*MODULES]


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module 'unroll.cells' has no attribute {name!r}")
    value = getattr(import_module(f"unroll.cells.{MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *MODULES})
