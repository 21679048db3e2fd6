"""Weights that a person has chosen, put into a cell: from a file, or the counter.

A unit, H hidden, I input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from unroll.cells import Cell, LSTMCell
from unroll.data.files.opening import open_bytes
from unroll.errors import UserError
from unroll.saved_files import parse_json
from unroll.terminal import shortened

COUNTER = "counter"
LARGEST = 2**26  # bytes of a file
SURE = 100.0  # far enough from 0 that a sigmoid is 0 or 1 to the last bit that matters


def hand_set_weights(source: str, letters: Sequence[str]) -> dict[str, Tensor]:
    """Weights by name of the cell's parameters.

    Args:
        source: "counter", or a file: JSON of nested lists, or safetensors.
        letters: what the inputs stand for, for the counter.

    Raises:
        UserError: for a file that cannot be read.
    """
    if source == COUNTER:
        return counter_weights(letters)
    path = Path(source)
    content = read_small(path, source, LARGEST)
    if path.suffix == ".safetensors":
        try:
            return dict(load_tensors(content))
        except SafetensorError as error:
            raise UserError(f"--weights got {source}, which is no safetensors: {error}.") from error
    given = parse_json(content, path)
    if not isinstance(given, dict):
        raise UserError(
            f'--weights got {source}; expected an object such as {{"weight_ih": [[0, 1]], ...}}.'
        )
    return {name: as_tensor(source, name, value) for name, value in given.items()}


def read_small(path: Path, name: str, most: int) -> bytes:
    """The content of a file that a person has written to look at a cell with.

    Args:
        path: of the file.
        name: what the user called it, for errors.
        most: bytes that it may have.

    Raises:
        UserError: where it cannot be read, or is larger.
    """
    with open_bytes(path, name) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UserError(
            f"{name} is larger than {most >> 20} MiB; expected a small file to look at."
        )
    return content


def as_tensor(source: str, name: str, value: object) -> Tensor:
    """Nested lists of numbers as a tensor.

    Raises:
        UserError: where they are something else.
    """
    try:
        return torch.tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{source}: {shortened(name, 40)} is no array of numbers; expected nested lists of one length."
        ) from error


def counter_weights(letters: Sequence[str]) -> dict[str, Tensor]:
    """An LSTM of one unit whose memory counts: a adds one, b takes one away, all else sets it to 0.

    The gates are shut or open for good, so that c is the count exactly and h is tanh(c).

    Args:
        letters: of the inputs, one-hot.

    Source: the flags and counters that lectures on LSTMs describe by hand; F. A. Gers and
    J. Schmidhuber, LSTM recurrent networks learn simple context-free and context-sensitive
    languages, 2001 (https://doi.org/10.1109/72.963769).
    """
    counts = [letter in ("a", "b") for letter in letters]
    gate = [SURE if counting else -SURE for counting in counts]
    candidate = [SURE if letter == "a" else -SURE for letter in letters]
    rows = [gate, gate, candidate, [SURE] * len(letters)]  # i, f, g, o
    return {
        "weight_ih": torch.tensor(rows, dtype=torch.float64),
        "weight_hh": torch.zeros(4, 1, dtype=torch.float64),
        "bias_ih": torch.zeros(4, dtype=torch.float64),
        "bias_hh": torch.zeros(4, dtype=torch.float64),
    }


@torch.no_grad()
def set_weights(cell: Cell, weights: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a cell, in place; what is not named keeps its values.

    Args:
        cell: whose parameters and buffers are set.
        weights: by their names.
        source: where they are from, for errors.

    Raises:
        UserError: for a name or a shape that the cell does not have.
    """
    own = {**dict(cell.named_buffers()), **dict(cell.named_parameters())}
    if source == COUNTER and not isinstance(cell, LSTMCell):
        raise UserError("--weights counter is for the cell lstm. Name that, or give a file.")
    for name, value in weights.items():
        if name not in own:
            raise UserError(
                f"{source} has weights named {shortened(name, 40)!r}, which the cell does not have; expected "
                f"{shortened(', '.join(own), 120)}."
            )
        if value.shape != own[name].shape:
            raise UserError(
                f"{source}: {name} is {list(value.shape)}; the cell's is {list(own[name].shape)} (--hidden "
                "units, and an input for each letter or column)."
            )
        own[name].copy_(value)
