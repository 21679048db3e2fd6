"""The recurrent network of a task: its cell and its sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from unroll.cells.names import CELLS, suggestions
from unroll.cells.user_cell import parse_cell_file
from unroll.settings.training import TrainingSettings


class RecurrentSettings(TrainingSettings):
    """The recurrent network of a task: its cell and sizes; the same for every task."""

    flags: ClassVar[dict[str, str]] = {
        "cell": "CELL",
        "cell_options": "JSON",
        "layers": "",
        "hidden": "",
    }

    batch_size: int | None = Field(
        None, ge=1, description="Number of sequences in a batch. Default: chosen by the task."
    )
    cell: str = Field(
        "lstm",
        description="Name of a cell (`unroll cells` lists them), or FILE.py:CLASS for your own "
        "cell.",
    )
    cell_options: dict[str, Any] = Field(
        default_factory=dict,
        description='Further arguments of the cell\'s constructor, as JSON: {"heads": 4}.',
    )
    layers: int = Field(1, ge=1, le=1000, description="Number of recurrent layers.")
    hidden: int | None = Field(
        None, ge=1, description="Units of each layer. Default: chosen by the task."
    )
    embedding: int | None = Field(
        None,
        ge=1,
        description="Size of the vector of each token. Default: chosen by the task.",
    )
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Locked dropout between layers and on the outputs. Default: chosen by the "
        "task.",
    )
    initialisation: Literal["auto", "torch", "orthogonal", "xavier", "he", "identity"] = Field(
        "auto",
        description="Initial weights. auto: orthogonal for the states, Xavier for the inputs, "
        "1 for the bias of a forget gate; identity for rnn_relu; cells other than lstm, gru and rnn keep "
        "their own. torch: uniform, as torch.nn.",
    )
    forget_bias: float | None = Field(
        None,
        ge=-100,
        le=100,
        description="First bias of the forget gate, of cells that have one: the higher, the longer the "
        "memory lasts before training. Default: 1 for lstm.",
    )
    start: Literal["zeros", "random", "learned"] = Field(
        "zeros",
        description="State before the first step. learned: a parameter; random: in training new normal "
        "numbers for each sequence (deviation 0.1), else zeros.",
    )
    floor: Literal["auto", "none"] = Field(
        "auto",
        description="The simple model that the network is combined with, in proportions fitted on "
        "the validation set. none: the network alone.",
    )
    memory: str | None = Field(
        None,
        description="Most memory that backpropagation through a layer may take, such as 4GB. "
        "Steps that do not fit are computed again; gradients stay exact.",
    )
    segment_length: Annotated[int, Field(ge=1)] | Literal["auto"] | None = Field(
        None,
        description="Store the state every so many steps; backpropagation computes the steps "
        "between again, so it takes less memory and stays exact. auto: the square root of the "
        "length, at least 256.",
    )

    @field_validator("floor", mode="before")
    @classmethod
    def none_is_a_word(cls, value: object) -> object:
        """The words of a command line have None for "none"; here it is a choice of its own."""
        return "none" if value is None else value

    @field_validator("cell")
    @classmethod
    def check_cell(cls, cell: str) -> str:
        """A name must be in the table of cells.

        Args:
            cell: a name, or a file with a cell.

        Returns:
            The cell as it was given.

        Raises:
            ValueError: where it is neither a file with a cell nor a known name.
        """
        if parse_cell_file(cell) is None and cell not in CELLS:
            raise ValueError(f"there is no cell of this name{suggestions(cell)}")
        return cell

    @field_validator("memory")
    @classmethod
    def check_memory(cls, memory: str | None) -> str | None:
        """A size must have a unit that is known.

        Args:
            memory: a size such as "4GB" or "2GiB", a number of bytes, or None: no bound.

        Returns:
            The size as it was given.

        Raises:
            ValueError: where it is no such size.
        """
        if memory is not None and not re.fullmatch(r"(?i)\d*\.?\d+ *([KMGT]?i?B)?", memory):
            raise ValueError("expected a size such as 4GB, 500MB or 2GiB")
        return memory

    @field_validator("cell_options", mode="before")
    @classmethod
    def parse_options(cls, options: object) -> object:
        """Options may be given as JSON.

        Args:
            options: JSON, or anything else, which is not changed.

        Returns:
            What the JSON says, or the options as they were given.

        Raises:
            ValueError: where a text is not JSON.
        """
        if not isinstance(options, str):
            return options
        try:
            return json.loads(options)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        except ValueError as error:
            raise ValueError(f"it is not JSON ({error})") from error

    @model_validator(mode="after")
    def check_one_bound(self) -> Self:
        """Memory is bounded in one way.

        Raises:
            ValueError: where memory and segment_length are both given.
        """
        if self.memory is not None and self.segment_length is not None:
            raise ValueError("memory and segment_length are both given; expected one of them")
        return self

    @property
    def ties_embedding(self) -> bool:
        """Whether the embedding is also the weights of the softmax."""
        return False

    @classmethod
    def guess(cls, path: Path, given: dict[str, Any]) -> str | None:
        """Why the data at `path` looks like that of the task, or None.

        Args:
            path: a file or folder, or "-" for standard input.
            given: the settings that were given by name.
        """
        return None

    @classmethod
    def guess_rows(
        cls, rows: Sequence[Sequence[str]], names: Sequence[str] | None, path: Path
    ) -> str | None:
        """Why a table looks like that of the task by its first rows, or None.

        Args:
            rows: the first rows, and some from throughout the table.
            names: of the columns; None where the first row may hold them.
            path: of the file; relative paths in cells begin at its folder.
        """
        return None

    @classmethod
    def guess_lines(cls, lines: Sequence[str]) -> str | None:
        """Why a text looks like data of the task by its first lines, whatever its name, or None.

        Args:
            lines: the first lines.
        """
        return None

    @classmethod
    def check_path(cls, path: str) -> None:
        """Refuse data that plainly cannot be read, before torch is loaded; the default refuses none.

        Args:
            path: a file or folder, or "-" for standard input.

        Raises:
            UserError: where it cannot be read.
        """
