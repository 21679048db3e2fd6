"""Which cell a run has: a cell of unroll by its name, or a cell of the user with its file."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from unroll.cells import Cell, as_cell, cell_factory
from unroll.cells.names import constructor_options, options_example
from unroll.cells.user_cell import UserCell, load_user_cell, parse_cell_file, read_source
from unroll.engine import unroll
from unroll.errors import UserError
from unroll.saved_files import Damaged, read_whole
from unroll.settings import RecurrentSettings
from unroll.testing.step import check_initial_state, check_step
from unroll.training.folder import RunFolder

FILE = "cell.py"  # of the run folder, with the user's own cell
FLAGS = {"input_size": "--set embedding=N", "hidden_size": "--hidden N"}


@dataclass(frozen=True)
class RunCell:
    """The cell of a run.

    Attributes:
        word: as the settings record it.
        make: called as `make(input_size, hidden_size)`; raises UserError where that fails.
        source: the file of a user's cell, else None.
        own: the user's cell that was loaded from it, else None.
    """

    word: str
    make: Callable[[int, int], Cell]
    source: bytes | None = None
    own: UserCell | None = None

    @property
    def files(self) -> dict[str, bytes]:
        """What the run folder keeps of it."""
        return {} if self.source is None else {FILE: self.source}


def given_cell(settings: RecurrentSettings) -> RunCell:
    """The cell that a person asks for; a file of their own is read and run.

    Raises:
        UserError: where there is no such cell, or it does not take the options.
    """
    own = parse_cell_file(settings.cell)
    if own is None:
        return RunCell(settings.cell, make_named(settings.cell, settings.cell_options))
    path, name = own
    source = read_source(path)
    loaded = load_user_cell(source, path, name)
    make = make_user_cell(loaded, settings.cell_options)
    return RunCell(f"{path.name}:{loaded.name}", make, source, loaded)


def recorded_cell(folder: RunFolder, settings: RecurrentSettings, trust_code: bool) -> RunCell:
    """The cell of a run that is loaded; the file of a user's cell is run only where it is trusted.

    Args:
        folder: of the run.
        settings: that it recorded.
        trust_code: whether the cell file in it may be run.

    Raises:
        UserError: where the file is not trusted, or is not what was saved.
    """
    own = parse_cell_file(settings.cell)
    if own is None:
        return RunCell(settings.cell, make_named(settings.cell, settings.cell_options))
    path = folder.path / FILE
    if not trust_code:
        raise UserError(
            f"{folder.path} has a cell of its own, {settings.cell}, so loading it runs the Python "
            f"in {path}. If you trust that file, use --trust-code (trust_code=True)."
        )
    try:
        source = read_whole(folder.path, FILE)
    except Damaged as error:
        raise UserError(
            f"The run {folder.path} is damaged: {error}. Restore the file from a copy."
        ) from error
    loaded = load_user_cell(source, path, own[1])
    return RunCell(settings.cell, make_user_cell(loaded, settings.cell_options), source, loaded)


def names_same_file(word: object, folder: RunFolder) -> bool:
    """Whether a person names a cell file of their own whose bytes are those of the run's: it is trusted.

    Args:
        word: of --cell; None where it was not given.
        folder: of the run.
    """
    own = parse_cell_file(word) if isinstance(word, str) else None
    if own is None:
        return False
    try:
        return read_source(own[0]) == read_whole(folder.path, FILE)
    except Damaged:
        return False


def recorded_word(word: str, cell: RunCell) -> str:
    """The word to compare with the recorded one, for the cell that a person names on resuming.

    Args:
        word: of --cell; a file with the same content has the recorded word.
        cell: of the run.

    Raises:
        UserError: where it is another file.
    """
    own = parse_cell_file(word)
    if own is None or cell.own is None:
        return word
    if read_source(own[0]) != cell.source:
        raise UserError(
            f"{own[0]} is not the file that the run was made with: {cell.own.path} (its SHA-256 "
            "differs). Leave --cell out, or start a new run."
        )
    return cell.word if own[1] in (None, cell.own.name) else word


def trust_flag(settings: RecurrentSettings) -> str:
    """The flag that commands need for a run with a cell of the user; empty for others."""
    return " --trust-code" if parse_cell_file(settings.cell) else ""


def make_named(name: str, options: dict[str, Any]) -> Callable[[int, int], Cell]:
    """A factory of the cell of this name, whose errors are sentences for people."""
    check_options(f"--cell {name}", cell_factory(name), options)
    construct = cell_factory(name, **options)
    # a constructor may stumble over options in any way, and without them only over sizes
    expected: type[Exception] = Exception if options else ValueError

    def make(input_size: int, hidden_size: int) -> Cell:
        """The cell of this name in these sizes.

        Args:
            input_size: I, the width of the inputs.
            hidden_size: H, the number of units.

        Raises:
            UserError: where the constructor refuses the sizes or the options.
        """
        try:
            return construct(input_size, hidden_size)
        except expected as error:
            given = (
                f" with --cell-options {json.dumps(options, ensure_ascii=False)}" if options else ""
            )
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            flags = [f" {size} is {flag}." for size, flag in FLAGS.items() if size in str(error)]
            raise UserError(
                f"--cell {name}{given}: {kind}{error_sentence(error)}{''.join(flags)}"
            ) from error

    return make


def make_user_cell(own: UserCell, options: dict[str, Any]) -> Callable[[int, int], Cell]:
    """A factory of the user's cell, whose errors are sentences with the line of its file.

    Args:
        own: the cell and its file.
        options: by name, for the constructor.

    Returns:
        A function of input_size and hidden_size that makes the cell.

    Raises:
        UserError: where the constructor does not take (input_size, hidden_size), or not these
            options.
    """
    try:
        inspect.signature(own.make).bind_partial(1, 1)
    except TypeError as error:
        raise UserError(
            f"{own.path}: {own.name} takes {inspect.signature(own.make)}; expected "
            "(input_size, hidden_size), and then what has defaults."
        ) from error
    check_options(f"{own.path}: {own.name}", own.make, options)

    def make(input_size: int, hidden_size: int) -> Cell:
        """The user's cell in these sizes.

        Args:
            input_size: I, the width of the inputs.
            hidden_size: H, the number of units.

        Raises:
            UserError: where the constructor fails, or the cell has other sizes than those given.
        """
        try:
            cell = as_cell(own.make(input_size, hidden_size, **options))
        except Exception as error:
            raise UserError(own.describe_error(error)) from error
        for size, given in (("input_size", input_size), ("hidden_size", hidden_size)):
            if getattr(cell, size, None) != given:
                raise UserError(
                    f"{own.path}: {own.name}({input_size}, {hidden_size}) has "
                    f"{size}={getattr(cell, size, None)}; expected {given}, as given."
                )
        return cell

    return make


def check_options(who: str, construct: Callable[..., Any], options: dict[str, Any]) -> None:
    """Compare options with what a constructor takes.

    Args:
        who: the constructor, for errors.
        construct: takes input_size, hidden_size and its options.
        options: by name.

    Raises:
        UserError: where it does not take an option, or needs an option that is missing.
    """
    takes = constructor_options(construct)
    kinds = {parameter.kind for parameter in inspect.signature(construct).parameters.values()}
    unknown = [name for name in options if name not in takes]
    if unknown and inspect.Parameter.VAR_KEYWORD not in kinds:
        known = f"takes {', '.join(takes)}" if takes else "takes none"
        raise UserError(f"--cell-options has {', '.join(unknown)}; {who} {known}.")
    missing = [n for n, value in takes.items() if value is inspect.Parameter.empty]
    missing = [name for name in missing if name not in options]
    if missing:
        raise UserError(
            f"{who} cannot be made of its sizes alone: it needs {', '.join(missing)}. Give them by "
            f"{options_example(missing)}."
        )


@torch.random.fork_rng(devices=[])
def try_user_cell(cell: RunCell, input_size: int, hidden_size: int) -> None:
    """Run a step or two of the user's cell, before data is read.

    Raises:
        UserError: for an error in it, with the line; for an output or a state of another form.
    """
    if cell.own is None:
        return
    made = cell.make(input_size, hidden_size)
    try:
        for training in (True, False):
            made.train(training)
            check_initial_state(made, torch.float32)
            check_step(made, torch.float32)
        output, _ = unroll(made.train(), torch.randn(2, 4, input_size), backend="loop")
        if output.requires_grad:
            output.sum().backward()
    except Exception as error:
        raise UserError(cell.own.describe_error(error)) from error


def error_sentence(error: Exception) -> str:
    """The message of an error, on one line."""
    return " ".join(str(error).split()).rstrip(".") + "."
