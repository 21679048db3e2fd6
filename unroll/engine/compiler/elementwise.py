"""Elementwise operations as nodes of a plan."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from unroll.engine.compiler.nodes import Node
from unroll.engine.compiler.traced import name_of
from unroll.engine.refusal import Unplannable

aten = torch.ops.aten


def elementwise_args(node: fx.Node) -> list[Any]:
    """The operands of an elementwise operation in the order of its node.

    Raises:
        Unplannable: for a sum with a factor.
    """
    if node.kwargs.get("alpha", 1) != 1:
        raise Unplannable(
            "it adds with a factor (alpha), which the compiler does not support", node.meta["line"]
        )
    return list(node.args)


def elementwise(node: fx.Node, args: list[Any]) -> Any:
    """The node of an elementwise operation, simplified; a number where all operands are numbers.

    Raises:
        Unplannable: for a division that rounds towards zero.
    """
    name, line, dtype = name_of(node), node.meta["line"], node.meta["val"].dtype
    if name == "_to_copy":
        name, args = "to", args[:1]
        if isinstance(args[0], Node) and args[0].dtype == dtype:
            return args[0]
    if name == "masked_fill":
        name, args = "where", [args[1], args[2], args[0]]
    if name == "div" and node.kwargs.get("rounding_mode"):
        if node.kwargs["rounding_mode"] != "floor":
            raise Unplannable("it divides with rounding towards zero", line)
        name = "floor_divide"
    if name in ("clone", "expand"):
        return args[0]
    operands = [a for a in args if isinstance(a, Node)]
    if not operands:
        tensors = [torch.tensor(a) if isinstance(a, int | float | bool) else a for a in args]
        value = tensors[0].to(dtype) if name == "to" else getattr(aten, name)(*tensors)
        return value.item()
    if name in ("mul", "div") and args[1:] == [1] and operands[0].dtype == dtype:
        return args[0]
    if name in ("add", "sub") and args[1:] == [0] and operands[0].dtype == dtype:
        return args[0]
    rows = any(a.rows for a in operands)
    return Node(name, tuple(args), max(a.width for a in operands), rows, dtype, line)
