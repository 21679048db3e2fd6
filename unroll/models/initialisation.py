"""Initialisations by name, for cells with the parameter names of torch.

Layers keep the initialisation of torch; the network of a task chooses one of these and reports it.
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
    """Initialise every cell of recurrent layers, in order. Returns a phrase on what was done."""
    said = ""
    for layer in layers:
        for cell in layer.cells:  # type: ignore[union-attr]
            said = initialise(cell, name)
    return said


@torch.no_grad()
def initialise(cell: Cell, name: str) -> str:
    """Initialise one cell in place.

    Biases start at zero, the bias of the forget gate at one (Jozefowicz et al. 2015). Cells other than LSTM,
    GRU and Elman keep their own initialisation, which is that of their paper ("auto" and "torch").

    Args:
        cell: with parameters weight_ih, weight_hh, bias_ih and bias_hh.
        name: "torch" (no change), "orthogonal" (orthogonal recurrent weights, Saxe et al. 2013; Xavier
            input weights), "xavier" (Glorot and Bengio 2010), "he" (He et al. 2015), "identity" (Le et al.
            2015, for Elman cells with relu), or "auto": identity for Elman cells with relu, else
            orthogonal.

    Returns:
        A phrase on what was done.

    Raises:
        UserError: for an unknown name, and where a cell with its own initialisation is given another.
    """
    if not isinstance(cell, LSTMCell | GRUCell | RNNCell):
        if name not in ("auto", "torch"):
            raise UserError(
                f"initialisation={name} is for LSTM, GRU and Elman cells; {type(cell).__name__} "
                "has its own initialisation, that of its paper. Leave it out."
            )
        return "weights as the cell initialises them"
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
    """He et al. 2015, in place, of a weight [outputs, inputs]."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu")
