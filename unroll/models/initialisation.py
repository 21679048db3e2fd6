"""The initialisations of the field, by name, for cells with torch's parameter names.

Layers keep torch's own; a task model chooses one of these and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from unroll.cells import Cell, GRUCell, LSTMCell, RNNCell
from unroll.errors import UserError

Fill = Callable[[torch.Tensor], Any]


@runtime_checkable
class RecordsInitialisation(Protocol):
    """A network that keeps how its weights were initialised.

    Attributes:
        initialised: in words.
    """

    initialised: str


def initialisation_in_words(network: nn.Module) -> str:
    """How the weights of a network were initialised; empty where it does not keep that."""
    return network.initialised if isinstance(network, RecordsInitialisation) else ""


def initialise_layers(layers: Iterable[nn.Module], name: str) -> str:
    """The same for every cell of recurrent layers, in their order; what was done, in words."""
    said = ""
    for layer in layers:
        for cell in layer.cells:  # type: ignore[union-attr]
            said = initialise(cell, name)
    return said


@torch.no_grad()
def initialise(cell: Cell, name: str) -> str:
    """Initialise one cell in place.

    name: "torch" (leave it), "orthogonal" (orthogonal recurrent weights, Saxe et al. 2013; Xavier
        inputs), "xavier" (Glorot and Bengio 2010), "he" (He et al. 2015), "identity" (Le et al.
        2015, for relu Elman cells), or "auto": orthogonal, or identity where the cell is relu Elman.
        Biases start at zero, the forget gate's at one (Jozefowicz et al. 2015).
    Any other cell keeps the start that it gave itself, which is its paper's ("auto" and "torch").
    returns: what was done, in words.
    Raises: UserError, which is a ValueError, for an unknown name, and where another cell than these
        shall start otherwise.
    """
    if not isinstance(cell, LSTMCell | GRUCell | RNNCell):
        if name not in ("auto", "torch"):
            raise UserError(
                f"initialisation={name} is for LSTM, GRU and Elman cells; {type(cell).__name__} "
                "starts as its paper asks. Leave it out."
            )
        return "weights start as the cell itself has it"
    if name == "torch":
        return "as torch.nn"
    relu = isinstance(cell, RNNCell) and cell.nonlinearity == "relu"
    if name == "auto":
        name = "identity" if relu else "orthogonal"
    matrices: dict[str, tuple[Fill, Fill, str]] = {
        "orthogonal": (nn.init.xavier_uniform_, nn.init.orthogonal_, "orthogonal"),
        "xavier": (nn.init.xavier_uniform_, nn.init.xavier_uniform_, "Xavier"),
        "he": (he, he, "He"),
        "identity": (nn.init.xavier_uniform_, nn.init.eye_, "identity"),
    }
    if name not in matrices:
        raise UserError(
            f"There is no initialisation {name!r}; the names are auto, torch, {', '.join(matrices)}."
        )
    inputs, recurrent, word = matrices[name]
    gates = cell.weight_hh.shape[0] // cell.hidden_size
    for gate in torch.chunk(cell.weight_ih, gates):
        inputs(gate)
    for gate in torch.chunk(cell.weight_hh, gates):
        recurrent(gate)
    said = f"{word} recurrent weights, {'He' if name == 'he' else 'Xavier'} inputs"
    if cell.bias:
        nn.init.zeros_(cell.bias_ih)
        nn.init.zeros_(cell.bias_hh)
        said += ", zero biases"
        if isinstance(cell, LSTMCell):
            cell.bias_ih[cell.hidden_size : 2 * cell.hidden_size] = 1
            said += ", forget bias 1"
    return said


def he(weight: torch.Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")
