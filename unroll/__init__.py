"""unroll: recurrent neural networks, complete, in Python on PyTorch.

Write one step of a recurrent network the way the paper does; unroll runs the sequence.

Every public name is loaded when it is first used (PEP 562), so that `import unroll` and
`unroll --help` load no torch. `__init__.pyi` gives type checkers the same names; `make stubs`
writes it.
"""

from importlib import import_module
from typing import Any

from unroll.cells.names import public_classes
from unroll.version import __version__ as __version__

# the package that defines each public name
PUBLIC = dict.fromkeys(public_classes(), "unroll.cells") | {
    # a step over time
    "unroll": "unroll.engine",
    "backend": "unroll.engine",
    "bounded": "unroll.engine",
    "Recording": "unroll.engine",
    # layers
    "RNN": "unroll.layers",
    "LSTM": "unroll.layers",
    "GRU": "unroll.layers",
    "Recurrent": "unroll.layers",
    "explain": "unroll.layers",
    "accelerate": "unroll.layers",
    "Ridge": "unroll.layers",
    "fit_ridge": "unroll.layers",
    # from a file to a model
    "train": "unroll.run",
    "load": "unroll.run",
    "Run": "unroll.run",
    "UserError": "unroll.errors",
}

# rooms that are used by their own name: `unroll.learn.check(4, answers)`
ROOMS = {"learn": "unroll.learn"}

__all__ = ["__version__", *PUBLIC]


def __getattr__(name: str) -> Any:
    if name in ROOMS:
        return import_module(ROOMS[name])
    if name not in PUBLIC:
        raise AttributeError(f"module 'unroll' has no attribute {name!r}")
    value = getattr(import_module(PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
