"""What a cell's step may depend on, in one number: its code, its settings, and what they reach.

With it a plan that another process made is found again without tracing the step. What cannot be
known for certain has no fingerprint, and is traced again.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from unroll.cells import Cell

# what these contain is known by their version
LIBRARIES = frozenset({"torch", "unroll", "typing_extensions", *sys.stdlib_module_names})
INTERNAL = frozenset(vars(nn.Module())) - {"training"}
NOT_CODE = {
    "__doc__",
    "__module__",
    "__dict__",
    "__weakref__",
    "__annotations__",
    "__firstlineno__",
}


class Unknown(Exception):
    """Something was met whose content cannot be known."""


def fingerprint(cell: Cell) -> str | None:
    """A number of all that the step's operations may depend on besides shapes, or None."""
    reader = _Reader()
    try:
        reader.read(cell)
    except Unknown:
        return None
    return reader.hash.hexdigest()


@functools.cache
def versions() -> str:
    """Of Python, torch and unroll's own engine, which make plans."""
    here = Path(__file__).parent.parent
    found = hashlib.sha256(f"{sys.version} {torch.__version__}".encode())
    for path in sorted(
        [*here.rglob("*.py"), *here.rglob("*.h"), *(here.parent / "cells").rglob("*.py")]
    ):
        found.update(path.name.encode())
        found.update(path.read_bytes())
    return found.hexdigest()


class _Reader:
    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.seen: dict[int, int] = {}
        self.alive: list[Any] = []  # so that no number of an object is used twice

    def note(self, *parts: object) -> None:
        """Take in values that are known by their text."""
        self.hash.update(repr(parts).encode())

    def read(self, a: Any) -> None:
        """Take in a value. Raises: Unknown."""
        if a is None or isinstance(a, bool | int | float | complex | str | bytes):
            return self.note(type(a).__name__, a)
        if isinstance(a, torch.dtype | torch.device | BuiltinFunctionType) or a in (
            ...,
            NotImplemented,
        ):
            return self.note(repr(a) if not isinstance(a, BuiltinFunctionType) else a.__qualname__)
        if id(a) in self.seen:
            return self.note("again", self.seen[id(a)])
        self.seen[id(a)] = len(self.seen)
        self.alive.append(a)
        if isinstance(a, tuple | list):
            self.note(type(a).__name__, len(a))
            for part in a:
                self.read(part)
        elif isinstance(a, dict):
            self.note("dict", len(a))
            for key, value in a.items():
                self.read(key)
                self.read(value)
        elif isinstance(a, set | frozenset):
            self.note("set")
            self.read(sorted(a, key=repr))
        elif isinstance(a, CodeType):
            self.read_code(a)
        elif isinstance(a, FunctionType):
            self.read_function(a)
        elif isinstance(a, MethodType):
            self.note("method")
            self.read(a.__func__)
            self.read(a.__self__)
        elif isinstance(a, staticmethod | classmethod):
            self.note(type(a).__name__)
            self.read(a.__func__)
        elif isinstance(a, property):
            self.note("property")
            self.read([a.fget, a.fset, a.fdel])
        elif isinstance(a, functools.partial):
            self.note("partial")
            self.read([a.func, list(a.args), a.keywords])
        elif isinstance(a, ModuleType):
            self.read_python_module(a)
        elif isinstance(a, type):
            self.read_class(a)
        elif isinstance(a, nn.Module):
            self.read_module(a)
        else:
            self.read_other(a)
        return None

    def read_other(self, a: Any) -> None:
        """An object of a library is known where it says what it is without an address.

        Raises:
            Unknown: where it is a tensor, is not of a library, or shows an address.
        """
        said = repr(a)
        if isinstance(a, Tensor) or library(type(a)) is None or " at 0x" in said:
            raise Unknown(said)
        self.note(type(a).__qualname__, said)

    def read_code(self, code: CodeType) -> None:
        """Take in the code of a function."""
        self.note("code", code.co_code, code.co_names, code.co_varnames, code.co_flags)
        self.read(code.co_consts)

    def read_function(self, function: FunctionType) -> None:
        """Take in a function, with what it looks up."""
        if library(function) is not None:
            return self.note("function", function.__module__, function.__qualname__)
        self.note("function")
        self.read(function.__code__)
        self.read([function.__defaults__, function.__kwdefaults__])
        for cell in function.__closure__ or ():
            try:
                self.read(cell.cell_contents)
            except ValueError:  # not filled yet
                self.note("empty")
        for name in names_in(function.__code__):
            if name in function.__globals__:
                self.note("global", name)
                self.read(function.__globals__[name])
        return None

    def read_python_module(self, module: ModuleType) -> None:
        """Take in a module, which is known by its file.

        Raises:
            Unknown: where it is not of a library and has no Python file.
        """
        if library(module) is not None:
            return self.note("module", module.__name__)
        file = getattr(module, "__file__", None)
        if file is None or not file.endswith(".py"):
            raise Unknown(module.__name__)
        return self.note("module", Path(file).read_bytes())

    def read_class(self, kind: type) -> None:
        """Take in a class and its bases."""
        for base in kind.__mro__:
            self.note("class", base.__module__, base.__qualname__)
            if library(base) is not None:
                continue
            for name, value in vars(base).items():
                if name not in NOT_CODE and type(value).__name__ not in (
                    "getset_descriptor", "member_descriptor", "_tuplegetter",
                ):  # fmt: skip
                    self.note("attribute", name)
                    self.read(value)

    def read_module(self, module: nn.Module) -> None:
        """Take in a torch module: its class, its settings and the modules in it."""
        self.read(type(module))
        self.note("parameters", list(module._parameters), list(module._buffers))
        for name, value in vars(module).items():
            if name not in INTERNAL:
                self.note("setting", name)
                self.read(value)
        for name, child in module._modules.items():
            self.note("child", name)
            self.read(child)


@functools.cache
def names_in(code: CodeType) -> tuple[str, ...]:
    """Names that a function, or one inside it, looks up."""
    found = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += names_in(constant)
    return tuple(found)


def library(a: Any) -> str | None:
    """The library that something comes from, or None where it is the user's."""
    name = getattr(a, "__name__", "") if isinstance(a, ModuleType) else getattr(a, "__module__", "")
    top = str(name or "").partition(".")[0]
    return top if top in LIBRARIES and top != "__main__" else None
