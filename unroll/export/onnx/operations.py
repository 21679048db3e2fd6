"""Operations of a traced step as nodes of ONNX.

N rows, one for each sequence.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from unroll.engine.compiler.traced import CONSTANTS, as_list, constant_of, line_of, name_of
from unroll.errors import UserError
from unroll.export.onnx.graph import OnnxGraph, element_type

# those that are one node of ONNX, by their aten names
UNARY = {
    "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "abs": "Abs",
    "neg": "Neg", "relu": "Relu", "sin": "Sin", "cos": "Cos", "tan": "Tan", "sinh": "Sinh",
    "cosh": "Cosh", "acos": "Acos", "asin": "Asin", "atan": "Atan", "erf": "Erf", "ceil": "Ceil",
    "floor": "Floor", "round": "Round", "sign": "Sign", "reciprocal": "Reciprocal",
    "isnan": "IsNaN", "logical_not": "Not", "bitwise_not": "BitwiseNot",
}  # fmt: skip
BINARY = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "maximum": "Max", "minimum": "Min",
    "pow": "Pow", "eq": "Equal", "gt": "Greater", "lt": "Less", "ge": "GreaterOrEqual",
    "le": "LessOrEqual", "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor",
    "bitwise_and": "BitwiseAnd", "bitwise_or": "BitwiseOr", "bitwise_xor": "BitwiseXor",
}  # fmt: skip
OF_TRUTHS = {"bitwise_not": "Not", "bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor"}
SAME = ("clone", "detach", "alias", "lift_fresh_copy")
LOGICAL = ("logical_and", "logical_or", "logical_xor", "logical_not")
REDUCTIONS = {"sum": "ReduceSum", "amax": "ReduceMax", "amin": "ReduceMin"}
SMALL = 0.5  # below it log(1 + x) would round x away


class Operations:
    """Writes traced operations into a graph, each when its value is first asked for.

    Args:
        graph: where nodes are added.
        values: names of the values that are there already; more are added.
        once: the values that depend on parameters alone, which become constants.
        size: the node that stands for N.
        rows: the name of N as a list of one whole number.
        given: called with a node that is not to be computed here, for its name; returns None for
            those that are.
    """

    def __init__(
        self,
        graph: OnnxGraph,
        values: dict[fx.Node, Any],
        once: Mapping[fx.Node, Any],
        size: fx.Node,
        rows: str,
        given: Callable[[fx.Node], str | None],
    ) -> None:
        self.graph, self.values, self.once = graph, values, once
        self.size, self.rows, self.given = size, rows, given

    def value(self, node: fx.Node) -> Any:
        """The name of a value; for an operation with several results their names."""
        if node in self.values:
            return self.values[node]
        waiting = [node]
        while waiting:  # operands first, without recursion: a step may have a thousand operations
            last = waiting[-1]
            if last in self.values:
                waiting.pop()
                continue
            if last in self.once and isinstance(self.once[last], Tensor):
                self.values[last] = self.graph.constant(self.once[last], str(last.name))
            elif (name := self.given(last)) is not None:
                self.values[last] = name
            else:
                missing = [a for a in self.operands(last) if a not in self.values]
                if missing:
                    waiting.extend(missing)
                    continue
                self.values[last] = self.translated(last)
            waiting.pop()
        return self.values[node]

    def operands(self, node: fx.Node) -> list[fx.Node]:
        """What an operation reads, without numbers of rows."""
        return [a for a in node.all_input_nodes if not self.is_size(a)]

    def is_size(self, node: Any) -> bool:
        """Whether a node is N or a multiple of it."""
        return isinstance(node, fx.Node) and (node is self.size or node.target is operator.mul)

    def operand(self, a: Any, dtype: torch.dtype | None = None) -> str:
        """The name of an operand, in a type: a value, or a number as a constant."""
        if isinstance(a, fx.Node):
            name: str = self.value(a)
            if dtype is None or a.meta["val"].dtype == dtype:
                return name
            return self.graph.add("Cast", name, to=element_type(dtype))
        return self.graph.constant(torch.tensor(a, dtype=dtype))

    def shape(self, sizes: Any) -> str:
        """A shape as a list of whole numbers, in which multiples of N are computed."""
        parts: list[str] = []
        for size in sizes:
            if not isinstance(size, fx.Node):
                parts.append(self.graph.whole(size))
            elif size is self.size:
                parts.append(self.rows)
            else:
                parts.append(self.graph.add("Mul", self.rows, self.graph.whole(size.args[1])))  # type: ignore[arg-type]
        if all(not isinstance(size, fx.Node) for size in sizes):
            return self.graph.whole(*sizes)
        return self.graph.add("Concat", *parts, axis=0) if len(parts) > 1 else parts[0]

    def translated(self, node: fx.Node) -> Any:
        """Add one operation, whose operands are there.

        Raises:
            UserError: for an operation that has no translation, with its line.
        """
        name = name_of(node)
        if name in SAME:
            return self.operand(node.args[0])
        if name in UNARY:
            kept = torch.bool if name in LOGICAL else None
            kind = (
                UNARY[name]
                if node.meta["val"].dtype != torch.bool
                else OF_TRUTHS.get(name, UNARY[name])
            )
            return self.graph.add(kind, self.operand(node.args[0], kept))
        if name in BINARY and not node.kwargs.get("rounding_mode"):
            truths = name in OF_TRUTHS and node.meta["val"].dtype == torch.bool
            return self.binary(OF_TRUTHS[name] if truths else BINARY[name], node)
        if name in REDUCTIONS:
            return self.reduced(REDUCTIONS[name], node)
        if name in CONSTANTS:
            return self.filled(node)
        method = SPECIAL.get(name)
        if method is None:
            raise UserError(
                f"The step uses {name} at {line_of(node) or 'an unknown line'}, which is not exported to "
                "ONNX. Write it with other operations."
            )
        return method(self, node)

    def binary(self, kind: str, node: fx.Node) -> str:
        """An operation on two tensors, or a tensor and a number, in the type that both promote to."""
        first, second = node.args[:2]
        dtype = torch.bool if kind in ("And", "Or", "Xor") else self.common(node, (first, second))
        if node.kwargs.get("alpha", 1) != 1:
            scaled = self.graph.add(
                "Mul", self.operand(second, dtype), self.operand(node.kwargs["alpha"], dtype)
            )
            return self.graph.add(kind, self.operand(first, dtype), scaled)
        return self.graph.add(kind, self.operand(first, dtype), self.operand(second, dtype))

    def common(self, node: fx.Node, args: Any) -> torch.dtype:
        """The type that operands promote to; of a division, that of its result."""
        if name_of(node) == "div":
            found: torch.dtype = node.meta["val"].dtype
            return found
        like = [torch.empty_like(a.meta["val"]) if isinstance(a, fx.Node) else a for a in args]
        return torch.result_type(*like)

    def reduced(self, kind: str, node: fx.Node) -> str:
        """A sum, maximum or minimum over axes."""
        dims = as_list(node.args[1]) if len(node.args) > 1 else []
        keep = bool(node.args[2]) if len(node.args) > 2 else bool(node.kwargs.get("keepdim", False))
        first = self.operand(node.args[0], node.meta["val"].dtype)
        return self.graph.add(kind, first, self.graph.whole(*dims), keepdims=int(keep))

    def filled(self, node: fx.Node) -> str:
        """A tensor that is full of one number, of the shape of its example."""
        dtype = node.meta["val"].dtype
        number = self.graph.constant(torch.tensor(constant_of(node), dtype=dtype))
        sizes: Any = node.args[0] if isinstance(node.args[0], list | tuple) else None
        if sizes is None or name_of(node).startswith("new_"):  # like another tensor
            sizes = node.args[1] if name_of(node).startswith("new_") else None
        if name_of(node) == "scalar_tensor":
            return number
        like = None if sizes is not None else self.graph.add("Shape", self.operand(node.args[0]))
        return self.graph.add("Expand", number, like if like is not None else self.shape(sizes))

    # one method for each further operation

    def mm(self, node: fx.Node) -> str:
        return self.graph.add("MatMul", *(self.operand(a) for a in node.args))

    def cast(self, node: fx.Node) -> str:
        return self.operand(node.args[0], node.meta["val"].dtype)

    def reshape(self, node: fx.Node) -> str:
        sizes: Any = node.args[1]
        if sum(isinstance(s, fx.Node) for s in sizes) == 1 and -1 not in sizes:
            shape = self.graph.whole(*(-1 if isinstance(s, fx.Node) else s for s in sizes))
        else:
            shape = self.shape(sizes)
        return self.graph.add("Reshape", self.operand(node.args[0]), shape)

    def expand(self, node: fx.Node) -> str:
        sizes: Any = node.args[1]
        shape = self.shape([1 if s == -1 else s for s in sizes])
        return self.graph.add("Expand", self.operand(node.args[0]), shape)

    def permute(self, node: fx.Node) -> str:
        dim = node.meta["val"].dim()
        order = list(range(dim))
        if name_of(node) == "permute":
            order = [int(d) % dim for d in node.args[1]]  # type: ignore[union-attr, arg-type]
        else:
            a, b = (0, 1) if name_of(node) == "t" else (int(d) % dim for d in node.args[1:3])  # type: ignore[arg-type]
            order[a], order[b] = order[b], order[a]
        return self.graph.add("Transpose", self.operand(node.args[0]), perm=order)

    def split(self, node: fx.Node) -> list[str]:
        axis: Any = node.args[2] if len(node.args) > 2 else node.kwargs.get("dim", 0)
        values = node.meta["val"]
        axis %= values[0].dim()
        sizes = self.graph.whole(*(v.shape[axis] for v in values))
        hints = ["part"] * len(values)
        return self.graph.add_many("Split", [self.operand(node.args[0]), sizes], hints, axis=axis)

    def getitem(self, node: fx.Node) -> Any:
        return self.value(node.args[0])[node.args[1]]  # type: ignore[arg-type]

    def sliced(self, node: fx.Node) -> str:
        given: Any = (*node.args[1:], *(0, 0, None, 1)[len(node.args) - 1 :])
        axis, first, last, step = given
        end = np.iinfo(np.int64).max if last is None else last
        numbers = [self.graph.whole(int(n)) for n in (first or 0, end, axis, step)]
        return self.graph.add("Slice", self.operand(node.args[0]), *numbers)

    def select(self, node: fx.Node) -> str:
        index = self.graph.constant(np.array(node.args[2], dtype=np.int64))
        return self.graph.add("Gather", self.operand(node.args[0]), index, axis=int(node.args[1]))  # type: ignore[arg-type]

    def cat(self, node: fx.Node) -> str:
        axis: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        dtype = node.meta["val"].dtype
        parts: Any = node.args[0]
        return self.graph.add("Concat", *(self.operand(p, dtype) for p in parts), axis=axis)

    def unsqueeze(self, node: fx.Node) -> str:
        axes = self.graph.whole(int(node.args[1]))  # type: ignore[arg-type]
        return self.graph.add("Unsqueeze", self.operand(node.args[0]), axes)

    def squeeze(self, node: fx.Node) -> str:
        axes = self.graph.whole(*as_list(node.args[1]))
        return self.graph.add("Squeeze", self.operand(node.args[0]), axes)

    def where(self, node: fx.Node) -> str:
        if name_of(node) == "masked_fill":
            rest, chosen = node.args[0], node.args[2]
        else:
            chosen, rest = node.args[1], node.args[2]
        test = node.args[1] if name_of(node) == "masked_fill" else node.args[0]
        dtype = node.meta["val"].dtype
        given = (
            self.operand(test, torch.bool),
            self.operand(chosen, dtype),
            self.operand(rest, dtype),
        )
        return self.graph.choose(*given, dtype)

    def clamp(self, node: fx.Node) -> str:
        dtype = node.meta["val"].dtype
        low, high = (*node.args[1:], None, None)[:2]
        found = self.operand(node.args[0], dtype)
        low = node.kwargs.get("min", low)
        high = node.kwargs.get("max", high)
        if low is not None:
            found = self.graph.add("Max", found, self.operand(low, dtype))
        return found if high is None else self.graph.add("Min", found, self.operand(high, dtype))

    def not_equal(self, node: fx.Node) -> str:
        return self.graph.add("Not", self.binary("Equal", node))

    def remainder(self, node: fx.Node) -> str:
        """With the sign of the divisor: x - floor(x / y) y for real numbers."""
        dtype = self.common(node, node.args[:2])
        x, y = (self.operand(a, dtype) for a in node.args[:2])
        if not dtype.is_floating_point:
            return self.graph.add("Mod", x, y)
        return self.graph.add("Sub", x, self.graph.add("Mul", self.floored(x, y), y))

    def floor_divide(self, node: fx.Node) -> str:
        dtype = (
            self.common(node, node.args[:2]) if name_of(node) != "div" else node.meta["val"].dtype
        )
        x, y = (self.operand(a, dtype) for a in node.args[:2])
        if dtype.is_floating_point:
            return self.floored(x, y)
        return self.graph.add("Div", self.graph.add("Sub", x, self.graph.add("Mod", x, y)), y)

    def floored(self, x: str, y: str) -> str:
        """floor(x / y) of real numbers."""
        return self.graph.add("Floor", self.graph.add("Div", x, y))

    def fmod(self, node: fx.Node) -> str:
        dtype = self.common(node, node.args[:2])
        return self.graph.add("Mod", *(self.operand(a, dtype) for a in node.args[:2]), fmod=1)

    def divide(self, node: fx.Node) -> str:
        """A division with a rounding."""
        if node.kwargs["rounding_mode"] == "floor":
            return self.floor_divide(node)
        dtype = node.meta["val"].dtype
        found = self.graph.add("Div", *(self.operand(a, dtype) for a in node.args[:2]))
        return self.truncated(found) if dtype.is_floating_point else found

    def truncated(self, x: str) -> str:
        """x rounded towards zero."""
        return self.graph.add(
            "Mul", self.graph.add("Sign", x), self.graph.add("Floor", self.graph.add("Abs", x))
        )

    def trunc(self, node: fx.Node) -> str:
        return self.truncated(self.operand(node.args[0]))

    def rsqrt(self, node: fx.Node) -> str:
        return self.graph.add("Reciprocal", self.graph.add("Sqrt", self.operand(node.args[0])))

    def expm1(self, node: fx.Node) -> str:
        """exp(x) - 1 = tanh(x / 2) (exp(x) + 1), which keeps the digits of a small x."""
        dtype = node.meta["val"].dtype
        x = self.operand(node.args[0])
        half = self.graph.add("Tanh", self.graph.add("Mul", x, self.operand(0.5, dtype)))
        above = self.graph.add("Add", self.graph.add("Exp", x), self.operand(1.0, dtype))
        return self.graph.add("Mul", half, above)

    def log1p(self, node: fx.Node) -> str:
        """log(1 + x) = 2 atanh(x / (2 + x)), which keeps the digits of a small x."""
        dtype = node.meta["val"].dtype
        x, two = self.operand(node.args[0]), self.operand(2.0, dtype)
        plain = self.graph.add("Log", self.graph.add("Add", x, self.operand(1.0, dtype)))
        ratio = self.graph.add("Div", x, self.graph.add("Add", x, two))
        exact = self.graph.add("Mul", two, self.graph.add("Atanh", ratio))
        small = self.graph.add("Less", self.graph.add("Abs", x), self.operand(SMALL, dtype))
        return self.graph.add("Where", small, exact, plain)

    def exp2(self, node: fx.Node) -> str:
        base = self.operand(math.log(2), node.meta["val"].dtype)
        return self.graph.add("Exp", self.graph.add("Mul", self.operand(node.args[0]), base))

    def log2(self, node: fx.Node) -> str:
        base = self.operand(1 / math.log(2), node.meta["val"].dtype)
        return self.graph.add("Mul", self.graph.add("Log", self.operand(node.args[0])), base)

    def convolution(self, node: fx.Node) -> str:
        x, weight, bias, strides, padding, dilation, turned, _, groups = node.args
        if turned:
            raise UserError("The step has a transposed convolution, which is not exported to ONNX.")
        given = [self.operand(a) for a in (x, weight, bias) if a is not None]
        pads: Any = padding
        return self.graph.add(
            "Conv",
            *given,
            strides=list(strides),  # type: ignore[arg-type]
            pads=[*pads, *pads],
            dilations=list(dilation),  # type: ignore[arg-type]
            group=groups,
        )


SPECIAL: dict[str, Callable[[Operations, fx.Node], Any]] = {
    "mm": Operations.mm,
    "bmm": Operations.mm,
    "_to_copy": Operations.cast,
    "to": Operations.cast,
    "reshape": Operations.reshape,
    "view": Operations.reshape,
    "view_copy": Operations.reshape,
    "_unsafe_view": Operations.reshape,
    "expand": Operations.expand,
    "permute": Operations.permute,
    "t": Operations.permute,
    "transpose": Operations.permute,
    "split_with_sizes": Operations.split,
    "split": Operations.split,
    "getitem": Operations.getitem,
    "slice": Operations.sliced,
    "select": Operations.select,
    "cat": Operations.cat,
    "unsqueeze": Operations.unsqueeze,
    "squeeze": Operations.squeeze,
    "where": Operations.where,
    "masked_fill": Operations.where,
    "clamp": Operations.clamp,
    "ne": Operations.not_equal,
    "remainder": Operations.remainder,
    "floor_divide": Operations.floor_divide,
    "fmod": Operations.fmod,
    "div": Operations.divide,
    "trunc": Operations.trunc,
    "rsqrt": Operations.rsqrt,
    "expm1": Operations.expm1,
    "log1p": Operations.log1p,
    "exp2": Operations.exp2,
    "log2": Operations.log2,
    "convolution": Operations.convolution,
}
