# Written by .ci/stubs.py from the tables in unroll/__init__.py and unroll/cells/names.py.

from unroll.cells.cell import Cell as Cell
from unroll.cells.cell import Noise as Noise
from unroll.cells.clockwork import ClockworkRNNCell as ClockworkRNNCell
from unroll.cells.clockwork import ClockworkState as ClockworkState
from unroll.cells.conv_lstm import ConvLSTMCell as ConvLSTMCell
from unroll.cells.coupled_lstm import CoupledLSTMCell as CoupledLSTMCell
from unroll.cells.deep_echo_state import DeepEchoState as DeepEchoState
from unroll.cells.deep_echo_state import DeepEchoStateCell as DeepEchoStateCell
from unroll.cells.depth_gated import DepthGatedLSTMCell as DepthGatedLSTMCell
from unroll.cells.depth_gated import DepthGatedState as DepthGatedState
from unroll.cells.echo_state import EchoStateCell as EchoStateCell
from unroll.cells.full_gate_recurrence_lstm import (
    FullGateRecurrenceLSTMCell as FullGateRecurrenceLSTMCell,
)
from unroll.cells.full_gate_recurrence_lstm import (
    FullGateRecurrenceLSTMState as FullGateRecurrenceLSTMState,
)
from unroll.cells.gru import GRUCell as GRUCell
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
from unroll.cells.min_gru import MinGRUCell as MinGRUCell
from unroll.cells.min_lstm import MinLSTMCell as MinLSTMCell
from unroll.cells.minimal_gated import MinimalGatedCell as MinimalGatedCell
from unroll.cells.multiplicative_lstm import MultiplicativeLSTMCell as MultiplicativeLSTMCell
from unroll.cells.mut import MUT1Cell as MUT1Cell
from unroll.cells.mut import MUT2Cell as MUT2Cell
from unroll.cells.mut import MUT3Cell as MUT3Cell
from unroll.cells.names import CELLS as CELLS
from unroll.cells.names import cell_factory as cell_factory
from unroll.cells.no_forget_gate_lstm import NoForgetGateLSTMCell as NoForgetGateLSTMCell
from unroll.cells.no_input_activation_lstm import (
    NoInputActivationLSTMCell as NoInputActivationLSTMCell,
)
from unroll.cells.no_input_gate_lstm import NoInputGateLSTMCell as NoInputGateLSTMCell
from unroll.cells.no_output_activation_lstm import (
    NoOutputActivationLSTMCell as NoOutputActivationLSTMCell,
)
from unroll.cells.no_output_gate_lstm import NoOutputGateLSTMCell as NoOutputGateLSTMCell
from unroll.cells.original_gru import OriginalGRUCell as OriginalGRUCell
from unroll.cells.peephole_lstm import PeepholeLSTMCell as PeepholeLSTMCell
from unroll.cells.projected_lstm import ProjectedLSTMCell as ProjectedLSTMCell
from unroll.cells.qrnn import QRNNCell as QRNNCell
from unroll.cells.qrnn import QRNNState as QRNNState
from unroll.cells.recurrent_highway import RecurrentHighwayCell as RecurrentHighwayCell
from unroll.cells.rg_lru import RGLRUCell as RGLRUCell
from unroll.cells.rnn import RNNCell as RNNCell
from unroll.cells.slstm import SLSTMCell as SLSTMCell
from unroll.cells.slstm import SLSTMState as SLSTMState
from unroll.cells.sru import SRUCell as SRUCell
from unroll.cells.state import State as State
from unroll.cells.state import fields as fields
from unroll.cells.state import map_state as map_state
from unroll.cells.torch_cell import as_cell as as_cell
from unroll.cells.wrappers.attentive import AttentiveCell as AttentiveCell
from unroll.cells.wrappers.attentive import AttentiveState as AttentiveState
from unroll.cells.wrappers.dilated import DilatedCell as DilatedCell
from unroll.cells.wrappers.dilated import DilatedState as DilatedState
from unroll.cells.wrappers.gate_norm import GateNormCell as GateNormCell
from unroll.cells.wrappers.highway import HighwayCell as HighwayCell
from unroll.cells.wrappers.recurrent_dropout import RecurrentDropoutCell as RecurrentDropoutCell
from unroll.cells.wrappers.residual import ResidualCell as ResidualCell
from unroll.cells.wrappers.stacked import StackedCell as StackedCell
from unroll.cells.wrappers.update_dropout import UpdateDropoutCell as UpdateDropoutCell
from unroll.cells.wrappers.weight_drop import WeightDropCell as WeightDropCell
from unroll.cells.wrappers.wrapper import Wrapper as Wrapper
from unroll.cells.wrappers.zoneout import ZoneoutCell as ZoneoutCell

MODULES: dict[str, str]
