"""One step. Each file is one family of cells and reads like its equations.

Every name is loaded when it is first used (PEP 562): the names of the cells cost no torch, and one
cell does not cost forty.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

FILES = {
    "attentive": ["AttentiveCell", "AttentiveState"],
    "cell": ["Cell", "Noise"],
    "clockwork": ["ClockworkRNNCell", "ClockworkState"],
    "conv_lstm": ["ConvLSTMCell"],
    "depth_gated": ["DepthGatedLSTMCell", "DepthGatedState"],
    "dilated": ["DilatedCell", "DilatedState"],
    "echo_state": ["DeepEchoState", "DeepEchoStateCell", "EchoStateCell"],
    "elman": ["RNNCell"],
    "gate_norm": ["GateNormCell"],
    "gru": ["GRUCell"],
    "highway_cell": ["HighwayCell"],
    "indrnn": ["IndRNNCell"],
    "irnn": ["IRNNCell"],
    "janet": ["JANETCell"],
    "jordan": ["JordanCell"],
    "layer_norm_gru": ["LayerNormGRUCell"],
    "layer_norm_lstm": ["LayerNormLSTMCell"],
    "lru": ["LRUCell", "LRUState"],
    "lstm": ["LSTMCell", "LSTMState", "ProjectedLSTMCell"],
    "lstm_variants": [
        "CoupledLSTMCell",
        "FullGateRecurrenceLSTMCell",
        "FullGateRecurrenceLSTMState",
        "NoForgetGateLSTMCell",
        "NoInputActivationLSTMCell",
        "NoInputGateLSTMCell",
        "NoOutputActivationLSTMCell",
        "NoOutputGateLSTMCell",
    ],
    "min_gru": ["MinGRUCell"],
    "min_lstm": ["MinLSTMCell"],
    "minimal_gated": ["MinimalGatedCell"],
    "multiplicative_lstm": ["MultiplicativeLSTMCell"],
    "mut": ["MUT1Cell", "MUT2Cell", "MUT3Cell"],
    "names": ["CELLS", "named_cell"],
    "original_gru": ["OriginalGRUCell"],
    "peephole_lstm": ["PeepholeLSTMCell"],
    "qrnn": ["QRNNCell", "QRNNState"],
    "recurrent_dropout": ["RecurrentDropoutCell", "UpdateDropoutCell"],
    "recurrent_highway": ["RecurrentHighwayCell"],
    "residual": ["ResidualCell"],
    "rg_lru": ["RGLRUCell"],
    "slstm": ["SLSTMCell", "SLSTMState"],
    "sru": ["SRUCell"],
    "stacked": ["StackedCell"],
    "state": ["State", "fields", "map_state"],
    "torch_cell": ["as_cell"],
    "weight_drop": ["WeightDropCell"],
    "wrapper": ["Wrapper"],
    "zoneout": ["ZoneoutCell"],
}

HOME = {name: file for file, names in FILES.items() for name in names}

__all__ = [*HOME]


def __getattr__(name: str) -> Any:
    if name not in HOME:
        raise AttributeError(f"module 'unroll.cells' has no attribute {name!r}")
    value = getattr(import_module(f"unroll.cells.{HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOME})


if TYPE_CHECKING:
    from unroll.cells.attentive import AttentiveCell as AttentiveCell
    from unroll.cells.attentive import AttentiveState as AttentiveState
    from unroll.cells.cell import Cell as Cell
    from unroll.cells.cell import Noise as Noise
    from unroll.cells.clockwork import ClockworkRNNCell as ClockworkRNNCell
    from unroll.cells.clockwork import ClockworkState as ClockworkState
    from unroll.cells.conv_lstm import ConvLSTMCell as ConvLSTMCell
    from unroll.cells.depth_gated import DepthGatedLSTMCell as DepthGatedLSTMCell
    from unroll.cells.depth_gated import DepthGatedState as DepthGatedState
    from unroll.cells.dilated import DilatedCell as DilatedCell
    from unroll.cells.dilated import DilatedState as DilatedState
    from unroll.cells.echo_state import DeepEchoState as DeepEchoState
    from unroll.cells.echo_state import DeepEchoStateCell as DeepEchoStateCell
    from unroll.cells.echo_state import EchoStateCell as EchoStateCell
    from unroll.cells.elman import RNNCell as RNNCell
    from unroll.cells.gate_norm import GateNormCell as GateNormCell
    from unroll.cells.gru import GRUCell as GRUCell
    from unroll.cells.highway_cell import HighwayCell as HighwayCell
    from unroll.cells.indrnn import IndRNNCell as IndRNNCell
    from unroll.cells.irnn import IRNNCell as IRNNCell
    from unroll.cells.janet import JANETCell as JANETCell
    from unroll.cells.jordan import JordanCell as JordanCell
    from unroll.cells.layer_norm_gru import LayerNormGRUCell as LayerNormGRUCell
    from unroll.cells.layer_norm_lstm import LayerNormLSTMCell as LayerNormLSTMCell
    from unroll.cells.lru import LRUCell as LRUCell
    from unroll.cells.lru import LRUState as LRUState
    from unroll.cells.lstm import LSTMCell as LSTMCell
    from unroll.cells.lstm import LSTMState as LSTMState
    from unroll.cells.lstm import ProjectedLSTMCell as ProjectedLSTMCell
    from unroll.cells.lstm_variants import CoupledLSTMCell as CoupledLSTMCell
    from unroll.cells.lstm_variants import FullGateRecurrenceLSTMCell as FullGateRecurrenceLSTMCell
    from unroll.cells.lstm_variants import (
        FullGateRecurrenceLSTMState as FullGateRecurrenceLSTMState,
    )
    from unroll.cells.lstm_variants import NoForgetGateLSTMCell as NoForgetGateLSTMCell
    from unroll.cells.lstm_variants import NoInputActivationLSTMCell as NoInputActivationLSTMCell
    from unroll.cells.lstm_variants import NoInputGateLSTMCell as NoInputGateLSTMCell
    from unroll.cells.lstm_variants import NoOutputActivationLSTMCell as NoOutputActivationLSTMCell
    from unroll.cells.lstm_variants import NoOutputGateLSTMCell as NoOutputGateLSTMCell
    from unroll.cells.min_gru import MinGRUCell as MinGRUCell
    from unroll.cells.min_lstm import MinLSTMCell as MinLSTMCell
    from unroll.cells.minimal_gated import MinimalGatedCell as MinimalGatedCell
    from unroll.cells.multiplicative_lstm import MultiplicativeLSTMCell as MultiplicativeLSTMCell
    from unroll.cells.mut import MUT1Cell as MUT1Cell
    from unroll.cells.mut import MUT2Cell as MUT2Cell
    from unroll.cells.mut import MUT3Cell as MUT3Cell
    from unroll.cells.names import CELLS as CELLS
    from unroll.cells.names import named_cell as named_cell
    from unroll.cells.original_gru import OriginalGRUCell as OriginalGRUCell
    from unroll.cells.peephole_lstm import PeepholeLSTMCell as PeepholeLSTMCell
    from unroll.cells.qrnn import QRNNCell as QRNNCell
    from unroll.cells.qrnn import QRNNState as QRNNState
    from unroll.cells.recurrent_dropout import RecurrentDropoutCell as RecurrentDropoutCell
    from unroll.cells.recurrent_dropout import UpdateDropoutCell as UpdateDropoutCell
    from unroll.cells.recurrent_highway import RecurrentHighwayCell as RecurrentHighwayCell
    from unroll.cells.residual import ResidualCell as ResidualCell
    from unroll.cells.rg_lru import RGLRUCell as RGLRUCell
    from unroll.cells.slstm import SLSTMCell as SLSTMCell
    from unroll.cells.slstm import SLSTMState as SLSTMState
    from unroll.cells.sru import SRUCell as SRUCell
    from unroll.cells.stacked import StackedCell as StackedCell
    from unroll.cells.state import State as State
    from unroll.cells.state import fields as fields
    from unroll.cells.state import map_state as map_state
    from unroll.cells.torch_cell import as_cell as as_cell
    from unroll.cells.weight_drop import WeightDropCell as WeightDropCell
    from unroll.cells.wrapper import Wrapper as Wrapper
    from unroll.cells.zoneout import ZoneoutCell as ZoneoutCell
