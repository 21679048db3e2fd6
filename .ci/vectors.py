"""One layer in one direction through compiled cells, for numbers that other projects wrote.

    PYTHONPATH=.ci python ../shared/peer_suite/run_vectors.py --adapter vectors:adapter

The cells are unroll's own, so what is compared is their equations and what the compiler makes of
them. T time, B batch, I input, H hidden.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

import unroll
from unroll.cells import CoupledLSTMCell
from unroll.cells.original_gru import OriginalGRUCell
from unroll.cells.peephole_lstm import PeepholeLSTMCell

# the same cell each time, so that the engine plans it once
known_cell = functools.cache(lambda cell, *sizes, **options: cell(*sizes, **options).eval())

Peephole = tuple[Tensor, Tensor, Tensor]


@torch.no_grad()
def adapter(
    kind: str,
    x: Tensor,
    W: Tensor,
    R: Tensor,
    b_in: Tensor,
    b_rec: Tensor,
    h0: Tensor,
    c0: Tensor | None,
    peephole: Peephole | None = None,
    reset_after: bool = True,
    coupled: bool = False,
    nonlinearity: str = "tanh",
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Outputs [T, B, H], h [B, H], c [B, H] or None; gates in torch's order."""
    sizes = x.shape[2], R.shape[1]
    as_torch = {"weight_ih": W, "weight_hh": R, "bias_ih": b_in, "bias_hh": b_rec}
    one_bias = {"weight_ih": W, "weight_hh": R, "bias": b_in + b_rec}
    if kind == "RNN":
        cell = known_cell(unroll.RNNCell, *sizes, nonlinearity=nonlinearity)
        parameters = as_torch
    elif kind == "GRU" and reset_after:
        cell, parameters = known_cell(unroll.GRUCell, *sizes), as_torch
    elif kind == "GRU":
        cell, parameters = known_cell(OriginalGRUCell, *sizes), one_bias
    elif coupled:
        cell = known_cell(CoupledLSTMCell, *sizes, peepholes=peephole is not None)
        # i, g, o of i, f, g, o
        parameters = {
            name: torch.cat([v.chunk(4)[k] for k in (0, 2, 3)]) for name, v in one_bias.items()
        }
        if peephole is not None:
            parameters |= {"peephole_input": peephole[0], "peephole_output": peephole[2]}
    elif peephole is not None:
        cell = known_cell(PeepholeLSTMCell, *sizes)
        names = ("peephole_input", "peephole_forget", "peephole_output")
        parameters = one_bias | dict(zip(names, peephole, strict=True))
    else:
        cell, parameters = known_cell(unroll.LSTMCell, *sizes), as_torch
    state = unroll.LSTMState(h0, c0) if kind == "LSTM" else h0
    # "cpu" is named, so that what cannot be compiled is a failure and not the loop's success
    output, last = unroll.unroll(cell, x, state, parameters=parameters, backend="cpu")
    return (output, *last) if kind == "LSTM" else (output, last, None)
