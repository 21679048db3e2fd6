"""Functions of TorchScript, for what `torch.jit.trace` would otherwise write down for one example only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch

# A traced graph points at the functions that it calls and does not keep them alive.
KEPT: dict[str, Callable[..., Any]] = {}


def compiled_function(text: str, name: str, **used: Any) -> Callable[..., Any]:
    """A function of TorchScript that a trace may call, and a traced module may be saved with.

    Args:
        text: its source.
        name: of the function in the source.
        used: the functions of TorchScript that the source calls, by name.

    Examples:
        >>> import torch
        >>> from unroll.cells.torchscript import compiled_function
        >>> double = compiled_function("def double(x):\\n    return 2 * x\\n", "double")
        >>> double(torch.tensor(3)).item()
        6
    """
    unit: Any = torch._C.CompilationUnit()
    unit.define(text, {"torch": torch, **used}.get)
    graph = getattr(unit, name).graph
    torch._C._jit_pass_inline(graph)
    digest = hashlib.sha256(str(graph).encode())
    for node in graph.findAllNodes("prim::Constant"):
        if "value" in node.attributeNames() and node.kindOf("value") == "t":
            constant = node.t("value").detach().cpu().contiguous().view(-1)
            digest.update(constant.view(torch.uint8).numpy().tobytes())
    # torch.jit.save writes a function out by a name under __torch__, and two traces of one module
    # are compared by such names
    qualified = f"__torch__.unroll.{name}_{digest.hexdigest()}"
    if qualified not in KEPT:
        KEPT[qualified] = torch._C._create_function_from_graph(qualified, graph)
    return KEPT[qualified]
