"""Whether every value of a step has one row for each sequence, computed from that row alone."""

from __future__ import annotations

import operator
from typing import Any

from torch import Tensor, fx

from unroll.engine.compiler.nodes import ELEMENTWISE
from unroll.engine.compiler.traced import as_list, is_rows, name_of
from unroll.engine.refusal import Unplannable, with_instead

ROWWISE = {
    # rows stay rows where the operation works on later axes only
    "mm", "addmm", "bmm", "slice", "select", "split_with_sizes", "split", "getitem", "cat",
    "unsqueeze", "squeeze", "expand", "permute", "t", "transpose", "view", "reshape", "view_copy",
    "_unsafe_view", "sum", "amax", "amin", "full", "zeros", "ones", "full_like", "zeros_like",
    "ones_like", "empty_like", "scalar_tensor", "lift_fresh_copy", "_to_copy", "alias", "mul",
    "constant_pad_nd", "any", "all", "argmax", "fill", "new_zeros", "new_full", "copy",
    "masked_fill",
}  # fmt: skip


def check_rowwise(node: fx.Node, batch: int) -> None:
    """Check that a value which depends on the batch has one row for each sequence, from it alone.

    Args:
        node: an operation of the step.
        batch: the batch size of the examples.

    Raises:
        Unplannable: for an operation that mixes sequences, or is not supported.
    """
    if node.op != "call_function" or node.target is operator.mul:
        return
    name, line = name_of(node), node.meta["line"]
    if name not in ROWWISE and name not in ELEMENTWISE:
        why = f"{name} is not an operation that the compiler supports"
        raise Unplannable(with_instead(name, why), line)
    batched = [a for a in node.all_input_nodes if is_rows(a, batch)]
    if not batched:
        return
    val = node.meta.get("val")
    if isinstance(val, Tensor) and not is_rows(node, batch):
        raise Unplannable(f"{name} mixes the sequences of a batch", line)
    dims: Any = node.args[1] if len(node.args) > 1 else None
    axis = {
        "cat": dims or 0,
        "slice": dims or 0,
        "select": dims,
        "unsqueeze": dims,
    }.get(name)
    if name in ("sum", "amax", "amin", "any", "all"):
        whole = dims is None or dims == []
        if whole or any(d % batched[0].meta["val"].dim() == 0 for d in as_list(dims)):
            raise Unplannable(f"{name} mixes the sequences of a batch", line)
    of = batched[0].meta["val"] if name == "select" else val
    if axis is not None and isinstance(of, Tensor) and axis % of.dim() == 0:
        raise Unplannable(f"{name} works along the batch", line)
    if name in ("mm", "addmm") and is_rows(node.args[-1], batch):
        raise Unplannable(f"{name} mixes the sequences of a batch", line)
