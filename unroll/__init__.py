"""unroll: recurrent neural networks, complete, in Python on PyTorch.

Write one step of a recurrent network the way the paper does; unroll runs the sequence.

Every public name is listed here once and loaded when it is first used (PEP 562), so that
`import unroll` and `unroll --help` cost no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from unroll.version import __version__ as __version__

PUBLIC = {
    # one step
    "Cell": "unroll.cells",
    "Noise": "unroll.cells",
    "RNNCell": "unroll.cells",
    "LSTMCell": "unroll.cells",
    "LSTMState": "unroll.cells",
    "ProjectedLSTMCell": "unroll.cells",
    "GRUCell": "unroll.cells",
    # a step over time
    "unroll": "unroll.engine",
    "backend": "unroll.engine",
    "Recording": "unroll.engine",
    # layers
    "RNN": "unroll.layers",
    "LSTM": "unroll.layers",
    "GRU": "unroll.layers",
    "Recurrent": "unroll.layers",
    "explain": "unroll.layers",
    "accelerate": "unroll.layers",
    # from a file to a model
    "train": "unroll.run",
    "load": "unroll.run",
    "Run": "unroll.run",
    "UserError": "unroll.errors",
}

__all__ = ["__version__", *PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'unroll' has no attribute {name!r}")
    value = getattr(import_module(PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})


if TYPE_CHECKING:
    from unroll.cells import Cell as Cell
    from unroll.cells import GRUCell as GRUCell
    from unroll.cells import LSTMCell as LSTMCell
    from unroll.cells import LSTMState as LSTMState
    from unroll.cells import Noise as Noise
    from unroll.cells import ProjectedLSTMCell as ProjectedLSTMCell
    from unroll.cells import RNNCell as RNNCell
    from unroll.engine import Recording as Recording
    from unroll.engine import backend as backend
    from unroll.engine import unroll as unroll
    from unroll.errors import UserError as UserError
    from unroll.layers import GRU as GRU
    from unroll.layers import LSTM as LSTM
    from unroll.layers import RNN as RNN
    from unroll.layers import Recurrent as Recurrent
    from unroll.layers import accelerate as accelerate
    from unroll.layers import explain as explain
    from unroll.run import Run as Run
    from unroll.run import load as load
    from unroll.run import train as train
