"""Recurrent layers: drop-ins for torch.nn's, and any cell as a layer."""

from unroll.layers.accelerate import accelerate as accelerate
from unroll.layers.drop_in import GRU as GRU
from unroll.layers.drop_in import LSTM as LSTM
from unroll.layers.drop_in import RNN as RNN
from unroll.layers.explain import explain as explain
from unroll.layers.recurrent import Recurrent as Recurrent
from unroll.layers.ridge import Ridge as Ridge
from unroll.layers.ridge import fit_ridge as fit_ridge
from unroll.layers.stepper import Stepper as Stepper
