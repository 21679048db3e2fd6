"""Elementwise operations as C++ expressions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from unroll.engine.compiler.nodes import Node
from unroll.engine.refusal import Unplannable

OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
FUNCTIONS = {
    "Vec": frozenset(
        """neg abs sign exp exp2 expm1 log log2 log1p sqrt rsqrt reciprocal sigmoid tanh relu erf
        sin cos tan sinh cosh asin acos atan floor ceil round trunc maximum minimum pow remainder
        fmod atan2""".split()
    ),
    "Int": frozenset("neg abs sign maximum minimum remainder floor_divide".split()),
    "Mask": frozenset(),
}


def expression(node: Node, value: Callable[[Any, str], str]) -> str:
    """The C++ expression of an elementwise node.

    Args:
        node: the node.
        value: the expression of an operand, as "Vec", "Int" or "Mask".

    Raises:
        Unplannable: for an operation that the kernels do not have for this type.
    """
    op, args, to = node.op, node.args, kind(node)
    if op == "constant":
        return literal(args[0], to)
    if op in ("eq", "ne", "lt", "le", "gt", "ge"):
        common = common_kind(args)
        return f"{op}_({value(args[0], common)}, {value(args[1], common)})"
    if op == "where":
        return f"where_({value(args[0], 'Mask')}, {value(args[1], to)}, {value(args[2], to)})"
    if op in ("logical_and", "logical_or", "logical_xor", "logical_not"):
        return f"{op[8:]}_({', '.join(value(a, 'Mask') for a in args)})"
    if op == "isnan":
        return f"isnan_({value(args[0], 'Vec')})"
    if op in ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not") and to == "Mask":
        return f"{op[8:]}_({', '.join(value(a, to) for a in args)})"
    if to == "Mask" and op in ("mul", "add"):
        return f"{'and_' if op == 'mul' else 'or_'}({value(args[0], to)}, {value(args[1], to)})"
    if op in ("clone", "to", "detach"):
        return value(args[0], to)
    if op == "clamp":
        low, high = (*args[1:], None, None)[:2]
        text = value(args[0], to)
        text = text if low is None else f"maximum_({text}, {value(low, to)})"
        return text if high is None else f"minimum_({text}, {value(high, to)})"
    if op == "pow" and args[1] in (2, 3) and to == "Vec" and isinstance(args[0], Node):
        x = value(args[0], to)
        return " * ".join([x] * int(args[1]))
    given = [value(a, to) for a in args]
    if op in OPERATORS and to != "Mask" and not (op == "div" and to == "Int"):
        return f"{given[0]} {OPERATORS[op]} {given[1]}"
    if op in FUNCTIONS[to]:
        return f"{op}_({', '.join(given)})"
    if op == "floor_divide" and to == "Vec":
        return f"floor_({given[0]} / {given[1]})"
    raise Unplannable(
        f"{op} of {node.dtype} is not an operation that the kernels support", node.line
    )


def kind(node: Node) -> str:
    """The C++ type of a value: "Vec" of real numbers, "Int" or "Mask"."""
    if node.dtype.is_floating_point:
        return "Vec"
    return "Mask" if node.dtype == torch.bool else "Int"


def common_kind(args: tuple[Any, ...]) -> str:
    """The type in which two operands are compared."""
    kinds = {
        kind(a) if isinstance(a, Node) else "Vec" if isinstance(a, float) else "Int" for a in args
    }
    return "Vec" if "Vec" in kinds else "Int"


def literal(value: float | int | bool, to: str) -> str:
    """A number as an expression of this type."""
    if to == "Mask":
        return f"splat({'true' if value else 'false'})"
    if to == "Int":
        return f"splat(int64_t({int(value)}))"
    value = float(value)
    if math.isnan(value):
        return "splat(Real(NAN))"
    if math.isinf(value):
        return f"splat(Real({'-' if value < 0 else ''}INFINITY))"
    return f"splat(Real({value!r}))"
