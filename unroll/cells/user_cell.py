"""A cell of the user's own, by its file: `--cell my_cells.py:MyCell`.

The file is run, as Python runs a module. It must not import its neighbours, because a run keeps a
copy of this one file. No torch is imported here before a file is run.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import Any

from unroll.errors import UserError

PREFIX = "_unroll_own_"  # of the names of such modules


def parse_cell_file(word: str) -> tuple[Path, str | None] | None:
    """The file and the name (or None) of `FILE.py:NAME` or `FILE.py`; None for any other word."""
    file, colon, name = word.rpartition(":")
    if colon and file.endswith(".py"):
        return Path(file), name or None
    return (Path(word), None) if word.endswith(".py") else None


def read_source(path: Path) -> bytes:
    """The bytes of a file, checked to be Python.

    Raises:
        UserError: it cannot be read, or a line of it is not Python.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"--cell names the file {path}, which cannot be read: {error.strerror or error}. "
            "Expected FILE.py:CLASS, a cell of your own."
        ) from error
    compile_source(source, path)
    return source


def compile_source(source: bytes, path: Path) -> Any:
    """The compiled source.

    Raises:
        UserError: a line of it is not Python.
    """
    try:
        return compile(source, str(path.absolute()), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}.") from error
    except ValueError as error:  # a NUL, in some versions of Python
        raise UserError(f"{path} is not Python: {error}.") from error


@dataclass(frozen=True)
class UserCell:
    """A class or function of the user's own that makes cells.

    Attributes:
        name: of the class or function.
        make: the class or function itself.
        path: where the user finds the file, for errors.
    """

    name: str
    make: Callable[..., Any]
    path: Path

    def describe_error(self, error: BaseException) -> str:
        """An error that the cell raised, as a sentence with the last line of its file."""
        return describe_error(error, self.path, sys.modules[self.make.__module__].__file__)


def load_user_cell(source: bytes, path: Path, name: str | None) -> UserCell:
    """Run the source, and take from it the class or function that makes the cell.

    Args:
        source: the bytes of the file.
        path: of the file, for errors.
        name: a class, or a function of (input_size, hidden_size); None: the only subclass of Cell
            that the file defines.

    Raises:
        UserError: the file fails, with the line; or it has no such cell, with the names that it
            has.
    """
    module = run_source(source, path)
    from unroll.cells.cell import Cell

    cells = [
        known
        for known, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Cell)
        and value.__module__ == module.__name__
    ]
    has = f"it defines {', '.join(cells)}" if cells else "it defines no subclass of unroll.Cell"
    if name is None:
        if len(cells) != 1:
            raise UserError(
                f"--cell names the file {path} and no class in it; {has}. "
                f"Write {path}:{cells[0] if cells else 'CLASS'}."
            )
        name = cells[0]
    if name not in vars(module):
        own = [
            known
            for known, value in vars(module).items()
            if getattr(value, "__module__", None) == module.__name__ and callable(value)
        ]
        like = get_close_matches(name, own)
        meant = f" Did you mean {', '.join(like)}?" if like else ""
        raise UserError(f"{path} has no {name!r}; {has}.{meant}")
    make = vars(module)[name]
    if getattr(make, "__module__", None) != module.__name__ or not makes_cells(make):
        raise UserError(
            f"{path}: {name} is not a cell of this file; {has}. Expected a subclass of unroll.Cell, or "
            "a function of (input_size, hidden_size) that returns a cell."
        )
    return UserCell(name, make, path)


def makes_cells(value: Any) -> bool:
    """Whether it is a class of torch modules or a function, which may return a module."""
    from torch import nn

    return issubclass(value, nn.Module) if isinstance(value, type) else isfunction(value)


def run_source(source: bytes, path: Path) -> ModuleType:
    """The source as a module with a private name; the same source is run once per process.

    Raises:
        UserError: the file fails, with the line.
    """
    name = PREFIX + hashlib.sha256(source).hexdigest()
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path.absolute())
    sys.modules[name] = module  # where dataclasses and annotations of the file look for it
    try:
        exec(compile_source(source, path), vars(module))
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, Exception | SystemExit):
            raise UserError(describe_error(error, path, module.__file__)) from error
        raise
    return module


def describe_error(error: BaseException, path: Path, file: str | None) -> str:
    """An error as a sentence, with the last line of `file` that it passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    where = f"{path}, line {lines[-1]}" if lines else str(path)
    message = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, AssertionError) and not lines:  # a promise of cells that it breaks
        return f"{where}: {message}."
    advice = ""
    if isinstance(error, ModuleNotFoundError):
        advice = " The file of a cell may import installed packages, but not files beside it."
    return f"{where}: {type(error).__name__}{': ' * bool(message)}{message}.{advice}"


def describe_user_cell_error(error: BaseException) -> str | None:
    """As `describe_error`, or None where the error passed through no user's file."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        if str(frame.f_globals.get("__name__", "")).startswith(PREFIX):
            file = frame.f_code.co_filename
            return describe_error(error, Path(file), file)
    return None
