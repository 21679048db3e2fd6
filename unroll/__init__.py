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
    "IRNNCell": "unroll.cells",
    "JordanCell": "unroll.cells",
    "LSTMCell": "unroll.cells",
    "ProjectedLSTMCell": "unroll.cells",
    "PeepholeLSTMCell": "unroll.cells",
    "CoupledLSTMCell": "unroll.cells",
    "JANETCell": "unroll.cells",
    "LayerNormLSTMCell": "unroll.cells",
    "MultiplicativeLSTMCell": "unroll.cells",
    "SLSTMCell": "unroll.cells",
    "NoInputGateLSTMCell": "unroll.cells",
    "NoForgetGateLSTMCell": "unroll.cells",
    "NoOutputGateLSTMCell": "unroll.cells",
    "NoInputActivationLSTMCell": "unroll.cells",
    "NoOutputActivationLSTMCell": "unroll.cells",
    "FullGateRecurrenceLSTMCell": "unroll.cells",
    "GRUCell": "unroll.cells",
    "OriginalGRUCell": "unroll.cells",
    "MinimalGatedCell": "unroll.cells",
    "LayerNormGRUCell": "unroll.cells",
    "MUT1Cell": "unroll.cells",
    "MUT2Cell": "unroll.cells",
    "MUT3Cell": "unroll.cells",
    "DepthGatedLSTMCell": "unroll.cells",
    "ClockworkRNNCell": "unroll.cells",
    "RecurrentHighwayCell": "unroll.cells",
    "ConvLSTMCell": "unroll.cells",
    "IndRNNCell": "unroll.cells",
    "SRUCell": "unroll.cells",
    "QRNNCell": "unroll.cells",
    "MinGRUCell": "unroll.cells",
    "MinLSTMCell": "unroll.cells",
    "LRUCell": "unroll.cells",
    "RGLRUCell": "unroll.cells",
    "EchoStateCell": "unroll.cells",
    "DeepEchoStateCell": "unroll.cells",
    # cells around cells
    "Wrapper": "unroll.cells",
    "ResidualCell": "unroll.cells",
    "HighwayCell": "unroll.cells",
    "DilatedCell": "unroll.cells",
    "AttentiveCell": "unroll.cells",
    "GateNormCell": "unroll.cells",
    "ZoneoutCell": "unroll.cells",
    "RecurrentDropoutCell": "unroll.cells",
    "UpdateDropoutCell": "unroll.cells",
    "WeightDropCell": "unroll.cells",
    "StackedCell": "unroll.cells",
    # what cells remember
    "AttentiveState": "unroll.cells",
    "ClockworkState": "unroll.cells",
    "DepthGatedState": "unroll.cells",
    "DilatedState": "unroll.cells",
    "DeepEchoState": "unroll.cells",
    "LRUState": "unroll.cells",
    "LSTMState": "unroll.cells",
    "FullGateRecurrenceLSTMState": "unroll.cells",
    "QRNNState": "unroll.cells",
    "SLSTMState": "unroll.cells",
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
    from unroll.cells import AttentiveCell as AttentiveCell
    from unroll.cells import AttentiveState as AttentiveState
    from unroll.cells import Cell as Cell
    from unroll.cells import ClockworkRNNCell as ClockworkRNNCell
    from unroll.cells import ClockworkState as ClockworkState
    from unroll.cells import ConvLSTMCell as ConvLSTMCell
    from unroll.cells import CoupledLSTMCell as CoupledLSTMCell
    from unroll.cells import DeepEchoState as DeepEchoState
    from unroll.cells import DeepEchoStateCell as DeepEchoStateCell
    from unroll.cells import DepthGatedLSTMCell as DepthGatedLSTMCell
    from unroll.cells import DepthGatedState as DepthGatedState
    from unroll.cells import DilatedCell as DilatedCell
    from unroll.cells import DilatedState as DilatedState
    from unroll.cells import EchoStateCell as EchoStateCell
    from unroll.cells import FullGateRecurrenceLSTMCell as FullGateRecurrenceLSTMCell
    from unroll.cells import FullGateRecurrenceLSTMState as FullGateRecurrenceLSTMState
    from unroll.cells import GateNormCell as GateNormCell
    from unroll.cells import GRUCell as GRUCell
    from unroll.cells import HighwayCell as HighwayCell
    from unroll.cells import IndRNNCell as IndRNNCell
    from unroll.cells import IRNNCell as IRNNCell
    from unroll.cells import JANETCell as JANETCell
    from unroll.cells import JordanCell as JordanCell
    from unroll.cells import LayerNormGRUCell as LayerNormGRUCell
    from unroll.cells import LayerNormLSTMCell as LayerNormLSTMCell
    from unroll.cells import LRUCell as LRUCell
    from unroll.cells import LRUState as LRUState
    from unroll.cells import LSTMCell as LSTMCell
    from unroll.cells import LSTMState as LSTMState
    from unroll.cells import MinGRUCell as MinGRUCell
    from unroll.cells import MinimalGatedCell as MinimalGatedCell
    from unroll.cells import MinLSTMCell as MinLSTMCell
    from unroll.cells import MultiplicativeLSTMCell as MultiplicativeLSTMCell
    from unroll.cells import MUT1Cell as MUT1Cell
    from unroll.cells import MUT2Cell as MUT2Cell
    from unroll.cells import MUT3Cell as MUT3Cell
    from unroll.cells import NoForgetGateLSTMCell as NoForgetGateLSTMCell
    from unroll.cells import NoInputActivationLSTMCell as NoInputActivationLSTMCell
    from unroll.cells import NoInputGateLSTMCell as NoInputGateLSTMCell
    from unroll.cells import Noise as Noise
    from unroll.cells import NoOutputActivationLSTMCell as NoOutputActivationLSTMCell
    from unroll.cells import NoOutputGateLSTMCell as NoOutputGateLSTMCell
    from unroll.cells import OriginalGRUCell as OriginalGRUCell
    from unroll.cells import PeepholeLSTMCell as PeepholeLSTMCell
    from unroll.cells import ProjectedLSTMCell as ProjectedLSTMCell
    from unroll.cells import QRNNCell as QRNNCell
    from unroll.cells import QRNNState as QRNNState
    from unroll.cells import RecurrentDropoutCell as RecurrentDropoutCell
    from unroll.cells import RecurrentHighwayCell as RecurrentHighwayCell
    from unroll.cells import ResidualCell as ResidualCell
    from unroll.cells import RGLRUCell as RGLRUCell
    from unroll.cells import RNNCell as RNNCell
    from unroll.cells import SLSTMCell as SLSTMCell
    from unroll.cells import SLSTMState as SLSTMState
    from unroll.cells import SRUCell as SRUCell
    from unroll.cells import StackedCell as StackedCell
    from unroll.cells import UpdateDropoutCell as UpdateDropoutCell
    from unroll.cells import WeightDropCell as WeightDropCell
    from unroll.cells import Wrapper as Wrapper
    from unroll.cells import ZoneoutCell as ZoneoutCell
    from unroll.engine import Recording as Recording
    from unroll.engine import backend as backend
    from unroll.engine import bounded as bounded
    from unroll.engine import unroll as unroll
    from unroll.errors import UserError as UserError
    from unroll.layers import GRU as GRU
    from unroll.layers import LSTM as LSTM
    from unroll.layers import RNN as RNN
    from unroll.layers import Recurrent as Recurrent
    from unroll.layers import Ridge as Ridge
    from unroll.layers import accelerate as accelerate
    from unroll.layers import explain as explain
    from unroll.layers import fit_ridge as fit_ridge
    from unroll.run import Run as Run
    from unroll.run import load as load
    from unroll.run import train as train
