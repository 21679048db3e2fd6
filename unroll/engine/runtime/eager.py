"""Operations run by PyTorch one after another: what stands around the loop of a plan."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from unroll.engine.products import linear


@dataclass(frozen=True)
class Ref:
    """The value of this number: inputs first, then the operations in order."""

    number: int


@dataclass
class Eager:
    """A function as a list of operations.

    Attributes:
        inputs: how many inputs it takes.
        operations: (name, arguments, keywords) with `Ref`s in them.
        outputs: which values it returns.
        done: for each operation, the values that it is the last to read, so that memory is given
            back as soon as it can be.
    """

    inputs: int
    operations: list[tuple[str, list[Any], dict[str, Any]]]
    outputs: list[Ref]

    def __post_init__(self) -> None:
        self.functions = [function_of(name) for name, _, _ in self.operations]
        last: dict[int, int] = {}
        for k, (_, args, keywords) in enumerate(self.operations):
            for ref in refs_in([args, keywords]):
                last[ref.number] = k
        kept = {r.number for r in self.outputs}
        self.done: list[list[int]] = [[] for _ in self.operations]
        for number, k in last.items():
            if number not in kept:
                self.done[k].append(number)

    def __call__(self, *inputs: Any) -> tuple[Tensor, ...]:
        values: list[Any] = list(inputs)
        for function, (_, args, keywords), done in zip(
            self.functions, self.operations, self.done, strict=True
        ):
            values.append(
                function(
                    *[filled(a, values) for a in args],
                    **{k: filled(v, values) for k, v in keywords.items()},
                )
            )
            for number in done:
                values[number] = None
        return tuple([values[r.number] for r in self.outputs])


def filled(a: Any, values: list[Any]) -> Any:
    """An argument with values in place of references."""
    if isinstance(a, Ref):
        return values[a.number]
    if isinstance(a, list):
        return [filled(v, values) for v in a]
    return a


def refs_in(a: Any) -> list[Ref]:
    """The references in an argument."""
    if isinstance(a, Ref):
        return [a]
    parts = a.values() if isinstance(a, dict) else a if isinstance(a, list) else ()
    return [r for part in parts for r in refs_in(part)]


def eager(graph: fx.Graph) -> Eager:
    """A traced graph as a list of operations.

    Raises:
        ValueError: where the graph has no output.
    """
    number: dict[fx.Node, Ref] = {}
    operations: list[tuple[str, list[Any], dict[str, Any]]] = []
    inputs = 0

    def encoded(a: Any) -> Any:
        """An argument with references in place of nodes."""
        if isinstance(a, fx.Node):
            return number[a]
        return [encoded(v) for v in a] if isinstance(a, list | tuple) else a

    for node in graph.nodes:
        if node.op == "output":
            return Eager(inputs, operations, [number[n] for n in node.args[0]])
        number[node] = Ref(len(number))
        if node.op == "placeholder":
            inputs += 1
        else:
            keywords = {k: encoded(v) for k, v in node.kwargs.items()}
            operations.append((name_of(node.target), encoded(list(node.args)), keywords))
    raise ValueError("A graph without an output cannot be run.")


PLAIN: dict[str, Callable[..., Any]] = {
    "linear": linear,
    "mul": operator.mul,
    "getitem": operator.getitem,
}


def name_of(target: Any) -> str:
    """The name by which an operation is found again."""
    for name, function in PLAIN.items():
        if target is function:
            return name
    return str(target)


def function_of(name: str) -> Callable[..., Any]:
    """`aten.add.Tensor`, or one of the plain ones.

    Raises:
        ValueError: where the name is that of something else than an operation.
        AttributeError: where torch has nothing of this name.
    """
    if name in PLAIN:
        return PLAIN[name]
    found: Any = torch.ops
    for part in name.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"{name} is not an operation.")
    function: Callable[..., Any] = found
    return function
