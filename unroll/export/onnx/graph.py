"""A graph of ONNX while it is written: nodes, constants and names."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.data.optional import optional
from unroll.errors import UserError

OPSET = 22
IR_VERSION = 10  # of opset 22; a later one is refused by runtimes that read this opset
WHAT = "writes ONNX files"  # for the error where the package is missing

# the types of numbers that are exported, as ONNX numbers them
ELEMENT_TYPES = {
    torch.float32: 1, torch.int32: 6, torch.int64: 7, torch.bool: 9, torch.float64: 11,
}  # fmt: skip


def element_type(dtype: torch.dtype) -> int:
    """The number that ONNX has for a type.

    Raises:
        UserError: for types that are not exported.
    """
    if dtype not in ELEMENT_TYPES:
        raise UserError(
            f"Numbers of the type {dtype} are not exported to ONNX. Convert to float32."
        )
    return ELEMENT_TYPES[dtype]


class OnnxGraph:
    """Nodes in the order in which they run; a body of a loop shares the constants of its parent.

    Args:
        parent: the graph around it, whose names it may read. None: it is the outermost.
    """

    def __init__(self, parent: OnnxGraph | None = None) -> None:
        self.helper = optional("onnx.helper", WHAT)
        self.nodes: list[Any] = []
        self.root: OnnxGraph = self if parent is None else parent.root
        self.constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self.arrays: dict[str, np.ndarray] = {}
        self.count = 0

    def new_name(self, hint: str) -> str:
        """A name that no other value has."""
        self.root.count += 1
        return f"{hint}_{self.root.count}"

    def constant(self, value: Any, hint: str = "constant") -> str:
        """A constant by its name; equal ones are kept once.

        Args:
            value: a tensor or an array of any shape.
            hint: what the name begins with.
        """
        array = np.ascontiguousarray(
            value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        )
        array = array.reshape(np.shape(value))  # of a number without axes too
        key = (str(array.dtype), array.shape, array.tobytes())
        root = self.root
        if key not in root.constants:
            root.constants[key] = self.new_name(hint)
            root.arrays[root.constants[key]] = array
        return root.constants[key]

    def whole(self, *numbers: int) -> str:
        """A constant list of whole numbers, as shapes and axes are."""
        return self.constant(np.array(numbers, dtype=np.int64))

    def add(self, kind: str, *inputs: str, hint: str = "", **attributes: Any) -> str:
        """Add a node with one output, and return the name of that."""
        return self.add_many(kind, inputs, [hint or kind.lower()], **attributes)[0]

    def add_many(self, kind: str, inputs: Any, hints: list[str], **attributes: Any) -> list[str]:
        """Add a node, and return the names of its outputs; an empty name is an input that is left out."""
        names = [self.new_name(hint) for hint in hints]
        self.nodes.append(
            self.helper.make_node(kind, list(inputs), names, self.new_name(kind), **attributes)
        )
        return names

    def choose(self, test: str, one: str, other: str, dtype: torch.dtype) -> str:
        """The first value where a test is true, else the other; runtimes have no Where of truths."""
        if dtype != torch.bool:
            return self.add("Where", test, one, other)
        chosen = self.add("And", test, one)
        return self.add("Or", chosen, self.add("And", self.add("Not", test), other))

    def rename(self, value: str, name: str) -> None:
        """Give a value a name of its own, as outputs of a model have."""
        self.nodes.append(self.helper.make_node("Identity", [value], [name], self.new_name("name")))

    def description(self, name: str, dtype: torch.dtype, shape: list[int | str]) -> Any:
        """An input or output: its name, type and shape; free sizes are words."""
        return self.helper.make_tensor_value_info(name, element_type(dtype), shape)


def finished(
    graph: OnnxGraph, name: str, inputs: list[Any], outputs: list[Any], about: dict[str, str]
) -> bytes:
    """The graph as a checked model, as the content of a file.

    Args:
        graph: the outermost.
        name: of the model.
        inputs: descriptions.
        outputs: descriptions.
        about: words by name, kept as metadata.
    """
    onnx = optional("onnx", WHAT)
    from unroll.version import __version__

    arrays = [onnx.numpy_helper.from_array(array, name) for name, array in graph.arrays.items()]
    body = graph.helper.make_graph(graph.nodes, name, inputs, outputs, arrays)
    model = graph.helper.make_model(
        body,
        producer_name="unroll",
        producer_version=__version__,
        opset_imports=[graph.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    graph.helper.set_model_props(model, about)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content
