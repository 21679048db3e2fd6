"""A model of ONNX beside the layer that it was made of.

T time, B batch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unroll.cells import fields
from unroll.data.optional import optional
from unroll.engine import backend
from unroll.errors import UserError
from unroll.export.onnx.ports import StatePort

LARGEST_DIFFERENCE = 1e-5
OWN_ROUNDING = 2.0  # times the error of the layer itself that a model may have where that is larger
STEPS = (1, 7, 300)
BATCHES = (1, 3)
CALLS = 3  # that carry the state on
SEED = 0


def session(content: bytes) -> Any:
    """A model of ONNX that can be run, on one thread, so that it gives the same numbers anywhere.

    Args:
        content: of the file.
    """
    runtime = optional("onnxruntime", "runs ONNX files")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def check_layer(
    content: bytes, layer: nn.Module, ports: Sequence[StatePort], lengths: bool = True
) -> float:
    """Run a model beside its layer: several T and B, ragged lengths, and calls that carry the state.

    Args:
        content: of the model.
        layer: what it was made of.
        ports: the fields of its state.
        lengths: whether it takes lengths.

    Returns:
        The largest difference of an output or a state, relative to the largest number above 1.

    Raises:
        UserError: where it is above 1e-5. A layer that amplifies its own rounding is compared with itself
            in float64 then: the model may be twice as far from that as the layer is.
    """
    given: Any = copy.deepcopy(layer).eval()
    model = session(content)
    with torch.no_grad(), backend("loop"):
        cases = list(inputs(given, ragged=lengths))
        expected = [outputs(given, x, steps) for x, steps in cases]
        found = [run(model, x, steps, initial(ports, len(steps))) for x, steps in cases]
        worst = max(largest(found, expected), carried_difference(model, given, ports))
        if worst <= LARGEST_DIFFERENCE:
            return worst
        exact = copy.deepcopy(given).double()
        right = [outputs(exact, x.double(), steps) for x, steps in cases]
    own, theirs = largest(expected, right), largest(found, right)
    if not theirs <= OWN_ROUNDING * own:
        raise UserError(
            f"The ONNX model differs from the layer by {worst:.1e}, more than {LARGEST_DIFFERENCE:.0e} "
            f"and the rounding of the layer ({own:.1e}); nothing was written. Please report the cell."
        )
    return worst


def inputs(layer: Any, ragged: bool = True) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs in the form that a layer takes them, and lengths [B]: all T, and ragged ones."""
    random = np.random.default_rng(SEED)
    dtype = next((p.dtype for p in layer.parameters() if p.is_floating_point()), torch.float32)
    width = layer.parts()[0][0].cell.input_size
    for T in STEPS:
        for B in BATCHES:
            x = torch.from_numpy(random.standard_normal((T, B, width))).to(dtype)
            x = x.transpose(0, 1) if is_turned(layer) else x
            yield x, torch.full((B,), T)
            if B > 1 and ragged:
                yield x, torch.tensor([T, T // 2, 0])


def is_turned(layer: Any) -> bool:
    """Whether the batch is the first axis of inputs and outputs."""
    return bool(getattr(layer, "batch_first", False))


def outputs(layer: Any, x: Tensor, lengths: Tensor) -> list[Tensor]:
    """The outputs of a layer, and the fields of its state after the last step."""
    output, state = layer(x, lengths=lengths)
    return [output, *state_rows(state)]


def largest(found: Sequence[Sequence[Tensor]], expected: Sequence[Sequence[Tensor]]) -> float:
    """The largest difference of all cases."""
    pairs = zip(found, expected, strict=True)
    return max(difference(a, b) for one, two in pairs for a, b in zip(one, two, strict=True))


def carried_difference(model: Any, layer: Any, ports: Sequence[StatePort]) -> float:
    """The largest difference of several calls that carry the state on to one call of the layer.

    A layer in two directions is left out: its second direction begins at the end of each call.
    """
    if any(len(row) > 1 for row in layer.parts()):
        return 0.0
    axis, worst = int(is_turned(layer)), 0.0
    for x, lengths in inputs(layer):
        if x.shape[axis] < CALLS or (lengths != x.shape[axis]).any():
            continue
        states, parts = initial(ports, len(lengths)), []
        for part in x.chunk(CALLS, axis):
            output, *states = run(model, part, torch.full_like(lengths, part.shape[axis]), states)
            parts.append(output)
        found = [torch.cat(parts, axis), *states]
        worst = max(worst, largest([found], [outputs(layer, x, lengths)]))
    return worst


def run(model: Any, x: Tensor, lengths: Tensor, states: Sequence[Tensor]) -> list[Tensor]:
    """The outputs of a model, and the fields of its state after the last step."""
    names = [each.name for each in model.get_inputs()]
    given = [x.contiguous(), *([lengths] if "lengths" in names else []), *states]
    feeds = {name: t.numpy() for name, t in zip(names, given, strict=True)}
    return [torch.from_numpy(a) for a in model.run(None, feeds)]


def initial(ports: Sequence[StatePort], batch: int) -> list[Tensor]:
    """The state before the first step, fields [B, ...]."""
    return [p.initial.expand(batch, *p.initial.shape).contiguous() for p in ports]


def state_rows(state: Any) -> list[Tensor]:
    """The fields of a layer's state in the order of a model: layer by layer, each [B, ...]."""
    parts = [f for _, f in fields(tuple(state) if isinstance(state, tuple) else state)]
    return [part[k] for k in range(len(parts[0])) for part in parts]


def difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference of two tensors, relative to the largest number where that is above 1."""
    if found.shape != expected.shape or found.is_floating_point() != expected.is_floating_point():
        return float("inf")
    if not found.numel():
        return 0.0
    one, two = found.double(), expected.double()
    same = (one == two) | (one.isnan() & two.isnan())  # infinite ones too
    apart = torch.where(same, 0.0, (one - two).abs()).nan_to_num(nan=float("inf"))
    scale = max(1.0, float(two.nan_to_num(0.0, 0.0, 0.0).abs().max()))
    return float(apart.max()) / scale
