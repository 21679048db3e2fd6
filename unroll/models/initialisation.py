"""The initialisations of the field, by name, for cells with torch's parameter names.

Layers keep torch's own; a task model chooses one of these and says so.
"""

from __future__ import annotations

import torch
from torch import nn

from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell

GATES: dict[type[Cell], int] = {LSTMCell: 4, GRUCell: 3, RNNCell: 1}


@torch.no_grad()
def initialise(cell: Cell, name: str) -> str:
    """Initialise one cell in place.

    name: "torch" (leave it), "orthogonal" (orthogonal recurrent weights, Saxe et al. 2013; Xavier
        inputs), "xavier" (Glorot and Bengio 2010), "he" (He et al. 2015), "identity" (Le et al.
        2015, for relu Elman cells), or "auto": orthogonal, or identity where the cell is relu Elman.
        Biases start at zero, the forget gate's at one (Jozefowicz et al. 2015).
    returns: what was done, in words.
    Raises: ValueError for an unknown name.
    """
    kind = next((kind for kind in GATES if isinstance(cell, kind)), None)
    if name == "torch" or kind is None:
        return "as torch.nn" if kind is not None else "the cell's own"
    relu = isinstance(cell, RNNCell) and cell.nonlinearity == "relu"
    if name == "auto":
        name = "identity" if relu else "orthogonal"
    matrices = {
        "orthogonal": (nn.init.xavier_uniform_, nn.init.orthogonal_, "orthogonal"),
        "xavier": (nn.init.xavier_uniform_, nn.init.xavier_uniform_, "Xavier"),
        "he": (he, he, "He"),
        "identity": (nn.init.xavier_uniform_, nn.init.eye_, "identity"),
    }
    if name not in matrices:
        raise ValueError(
            f"There is no initialisation {name!r}; the names are auto, torch, {', '.join(matrices)}."
        )
    inputs, recurrent, word = matrices[name]
    gates = GATES[kind]
    for gate in cell.weight_ih.chunk(gates):  # type: ignore[operator]
        inputs(gate)
    for gate in cell.weight_hh.chunk(gates):  # type: ignore[operator]
        recurrent(gate)
    said = f"{word} recurrent weights, {'He' if name == 'he' else 'Xavier'} inputs"
    if cell.bias:
        nn.init.zeros_(cell.bias_ih)  # type: ignore[arg-type]
        nn.init.zeros_(cell.bias_hh)  # type: ignore[arg-type]
        said += ", zero biases"
        if kind is LSTMCell:
            cell.bias_ih[cell.hidden_size : 2 * cell.hidden_size] = 1  # type: ignore[index, operator]
            said += ", forget bias 1"
    return said


def he(weight: torch.Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")
