"""Which backend runs each part of a layer or model, and why, as a page a person can read."""

from __future__ import annotations

import torch
from torch import nn

from unroll.cells import Cell, as_cell
from unroll.engine import choose
from unroll.engine.unrolling import checked_call
from unroll.layers.drop_in import DropIn
from unroll.layers.recurrent import Recurrent


def explain(module: nn.Module, *, backend: str | None = None) -> str:
    """A line for every recurrent part of a cell, layer or model: its backend, and why.

    Raises: ValueError where nothing in the module is recurrent.

    Example:
        >>> import unroll
        >>> print(unroll.explain(unroll.LSTM(3, 4)))
        LSTM layer 0: LSTMCell runs on the torch backend: it is the fastest that can run this cell
    """
    if isinstance(module, Cell | nn.RNNCellBase):
        return describe(as_cell(module), "cell", backend)
    lines = []
    for path, layer in module.named_modules():
        if not isinstance(layer, DropIn | Recurrent):
            continue
        name = f"{type(layer).__name__} {path}".strip()
        for number, row in enumerate(layer.parts()):
            for direction, part in enumerate(row):
                where = f"{name} layer {number}" + (" backward" if direction else "")
                lines.append(describe(part.cell, where, backend))
    if not lines:
        raise ValueError(
            f"{type(module).__name__} has no recurrent part; expected an unroll cell or layer, or "
            "a model that holds one."
        )
    return "\n".join(lines)


def describe(cell: Cell, where: str, backend: str | None) -> str:
    x = torch.empty(1, 1, cell.input_size, device="meta")
    call = checked_call(cell, x, None, None, None, False, None, None)
    chosen, why = choose(call, backend)
    return f"{where}: {type(cell).__name__} runs on the {chosen.NAME} backend: {why}"
