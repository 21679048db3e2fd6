"""Torch's own fused kernels, for the three standard cells (cuDNN and oneDNN are behind them).

T time, B batch, I input, H hidden.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import _VF, Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from unroll.cells import GRUCell, LSTMCell, LSTMState, ProjectedLSTMCell, RNNCell, State, map_state
from unroll.cells.torch_cell import TorchCell
from unroll.engine.call import Call

NAME = "torch"

OURS = (RNNCell, LSTMCell, GRUCell, ProjectedLSTMCell)
TORCHS = (torch.nn.RNNCell, torch.nn.LSTMCell, torch.nn.GRUCell)
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def supports(call: Call) -> str | None:
    """A reason in words where torch has no kernel for this call, else None."""
    # exactly these: a subclass may compute something else
    cell = call.cell.cell if isinstance(call.cell, TorchCell) else call.cell
    if type(cell) not in OURS + TORCHS:
        return f"torch has kernels for RNNCell, LSTMCell and GRUCell, not for {type(cell).__name__}"
    if getattr(cell, "nonlinearity", "tanh") not in ("tanh", "relu"):
        return f"torch has no kernel with the non-linearity {cell.nonlinearity!r}"
    if call.resets is not None:
        return "torch's kernels cannot reset the state inside a sequence"
    if call.record is not None:
        return "torch's kernels do not show their steps to a recording"
    if isinstance(cell, ProjectedLSTMCell) and exports_to_onnx():
        return "ONNX has no LSTM with a projection"
    if call.lengths is not None and torch.jit.is_tracing():
        return "a trace of packed sequences would keep the batch of its example"
    if within_vmap():
        return "torch's kernels cannot be run by torch.vmap"
    if call.x.dtype not in FLOATS:
        return f"torch's kernels take floating point inputs, not {call.x.dtype}"
    return None


def exports_to_onnx() -> bool:
    """Whether the older exporter, which traces, writes this call for ONNX."""
    return torch.jit.is_tracing() and torch.onnx.is_in_onnx_export()


def within_vmap() -> bool:
    """Whether torch.vmap runs this call."""
    stack = torch._C._functorch.get_interpreter_stack() or ()
    return any(i.key() == torch._C._functorch.TransformType.Vmap for i in stack)


def run(call: Call) -> tuple[Tensor, State]:
    """Outputs [T, B, H] and the state after each sequence's own last step."""
    T, B = call.x.shape[:2]
    if T == 0 or B == 0:
        return call.x.new_zeros(T, B, call.cell.output_size), call.state
    if call.lengths is None:
        x = call.x.flip(0) if call.reverse else call.x
        output, state = kernel(call, x, None, call.state)
        return (output.flip(0) if call.reverse else output), state
    return run_ragged(call, call.lengths)


def run_ragged(call: Call, lengths: Tensor) -> tuple[Tensor, State]:
    """Sequences of different lengths, packed. Torch refuses length 0, so those rows stay out.

    Args:
        call: the call, x [T, B, I].
        lengths: int64 [B], 0 to T.

    Returns:
        The outputs [T, B, H] and the state after each sequence's own last step, fields [B, ...].
    """
    T, B = call.x.shape[:2]
    rows = lengths.nonzero().squeeze(1)
    output = call.x.new_zeros(T, B, call.cell.output_size)
    if len(rows) == 0:
        return output, call.state
    x, kept = call.x[:, rows], lengths[rows]
    if call.reverse:
        x = reverse_each(x, kept)
    state = map_state(lambda s: s[rows], call.state)
    packed = pack_padded_sequence(x, kept.cpu(), enforce_sorted=False)
    order, back = packed.sorted_indices, packed.unsorted_indices
    data, last = kernel(call, packed.data, packed.batch_sizes, map_state(lambda s: s[order], state))
    y, _ = pad_packed_sequence(
        PackedSequence(data, packed.batch_sizes, order, back), total_length=T
    )
    if call.reverse:
        y = reverse_each(y, kept)
    final = map_state(lambda new, old: old.index_copy(0, rows, new[back]), last, call.state)
    return output.index_copy(1, rows, y), final


def reverse_each(x: Tensor, lengths: Tensor) -> Tensor:
    """Each sequence of [T, B, H] read from its own last step to its first; padding stays."""
    t = torch.arange(len(x), device=x.device)[:, None]
    source = torch.where(t < lengths, lengths - 1 - t, t)  # [T, B]
    return x.gather(0, source[..., None].expand_as(x))


def kernel(call: Call, x: Tensor, batch_sizes: Tensor | None, state: State) -> tuple[Tensor, State]:
    """One layer, one direction of torch.nn's functional form.

    Args:
        call: gives the cell and its parameters.
        x: [T, B, I]; packed, the rows of all steps together, [N, I].
        batch_sizes: of a packed x, int64 [S] on the CPU: the rows of each of S steps; else None.
        state: fields [B, H], in the order of x.

    Returns:
        The outputs [T, B, H], or [N, H] of a packed x, and the final state, fields [B, H].
    """
    cell = call.cell.cell if isinstance(call.cell, TorchCell) else call.cell
    prefix = "cell." if isinstance(call.cell, TorchCell) else ""
    names = ["weight_ih", "weight_hh"]
    has_biases = bool(cell.bias)
    names += ["bias_ih", "bias_hh"] if has_biases else []
    names += ["weight_hr"] if isinstance(cell, ProjectedLSTMCell) else []
    stand_ins = call.parameters or {}
    weights = [
        stand_ins[prefix + n] if prefix + n in stand_ins else getattr(cell, n) for n in names
    ]
    initial = tuple(s.unsqueeze(0) for s in state) if isinstance(state, tuple) else state[None]
    if isinstance(cell, torch.nn.LSTMCell):
        function: Any = _VF.lstm
    elif isinstance(cell, torch.nn.GRUCell):
        function = _VF.gru
    else:
        function = _VF.rnn_tanh if cell.nonlinearity == "tanh" else _VF.rnn_relu
    further = (1, 0.0, cell.training, False)  # layers, dropout, training, bidirectional
    if batch_sizes is None:
        output, *last = function(x, initial, weights, has_biases, *further, False)
    else:
        output, *last = function(x, batch_sizes, initial, weights, has_biases, *further)
    final = [s.squeeze(0) for s in last]
    return output, LSTMState(*final) if len(final) == 2 else final[0]
