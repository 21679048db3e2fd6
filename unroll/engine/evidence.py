"""Where torch's own kernels are the faster ones, by measurement.

One thread of a Zen 5 core, torch 2.13, T from 1 to 256, B 1, 8 and 32, H 32, 128 and 384, forward
and backward, and forward alone. A compiled call begins with 0.1 ms of checks and places, 0.2 with
gradients, that torch does not need; after that GRU and RNN are 1.6 to 30 times faster, and an LSTM,
which torch has a fused kernel for, is ahead where its weights outgrow the second cache or the batch
is one. Two threads (T 64, B 32 with H 256 and B 16 with H 512): an LSTM at 0.98 and 1.15 of torch's
speed, the others as on one.
"""

from __future__ import annotations

import torch

from unroll.cells import GRUCell, LSTMCell, ProjectedLSTMCell, RNNCell
from unroll.cells.torch_cell import TorchCell
from unroll.engine.call import Call

FEW_STEPS = 12


def torch_is_faster(kind: type, T: int, B: int, H: int) -> bool:
    """Whether torch's kernel wins for T steps of B sequences and H units; kind: of our cells."""
    if issubclass(kind, GRUCell | RNNCell | ProjectedLSTMCell):  # which torch has no kernel for
        return T < FEW_STEPS
    if B == 1 and T * H >= 256 * 128:
        return False
    if B > 1 and torch.get_num_threads() > 1:
        return H < 512
    if torch.is_grad_enabled():
        return H < 256
    return B > 1 or H < 256


KINDS: dict[type, type] = {
    torch.nn.RNNCell: RNNCell,
    torch.nn.LSTMCell: LSTMCell,
    torch.nn.GRUCell: GRUCell,
    **{kind: kind for kind in (RNNCell, LSTMCell, ProjectedLSTMCell, GRUCell)},
}


def prefers_torch(call: Call) -> bool:
    """The same for a call; sequences of different lengths are never better off with torch."""
    cell = call.cell.cell if isinstance(call.cell, TorchCell) else call.cell
    kind = KINDS.get(type(cell))
    if kind is None or call.lengths is not None:
        return False
    T, B = call.x.shape[:2]
    return torch_is_faster(kind, T, B, cell.hidden_size)
