"""Initialisations by name, for cells with the parameter names of torch.

Layers keep the initialisation of torch; the network of a task chooses one of these and reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import nn

from unroll.cells import (
    Cell,
    CoupledLSTMCell,
    FullGateRecurrenceLSTMCell,
    GRUCell,
    JANETCell,
    LayerNormLSTMCell,
    LSTMCell,
    MinimalGatedCell,
    MinLSTMCell,
    MultiplicativeLSTMCell,
    NoInputActivationLSTMCell,
    NoInputGateLSTMCell,
    NoOutputActivationLSTMCell,
    NoOutputGateLSTMCell,
    PeepholeLSTMCell,
    QRNNCell,
    RNNCell,
    SLSTMCell,
    SRUCell,
)
from unroll.cells.depth_gated import DepthGatedLayer
from unroll.errors import UserError

Fill = Callable[[torch.Tensor], Any]


class ForgetGate(NamedTuple):
    """Where the bias of a forget gate stands in a cell.

    Attributes:
        block: which block of H numbers of the bias.
        sign: 1 where a high bias keeps the memory, -1 where it replaces it.
    """

    block: int
    sign: int = 1


FORGET_GATES: dict[type[nn.Module], ForgetGate] = {
    LSTMCell: ForgetGate(1),
    PeepholeLSTMCell: ForgetGate(1),
    NoInputActivationLSTMCell: ForgetGate(1),
    NoOutputActivationLSTMCell: ForgetGate(1),
    NoOutputGateLSTMCell: ForgetGate(1),
    NoInputGateLSTMCell: ForgetGate(0),
    FullGateRecurrenceLSTMCell: ForgetGate(1),
    CoupledLSTMCell: ForgetGate(0, -1),  # f = 1 - i
    LayerNormLSTMCell: ForgetGate(1),
    MultiplicativeLSTMCell: ForgetGate(1),
    DepthGatedLayer: ForgetGate(1),
    SLSTMCell: ForgetGate(1),
    JANETCell: ForgetGate(0),
    MinimalGatedCell: ForgetGate(0, -1),  # h' = (1 - f) h + f n
    MinLSTMCell: ForgetGate(0),
    QRNNCell: ForgetGate(1),
    SRUCell: ForgetGate(0),
}
BIASES = ("bias_ih", "bias_hh", "bias")  # the names of biases of gates


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
    GRU and Elman keep their own initialisation, which is that of their paper, for "auto" and "torch"; the
    other names change those that have weight_ih and weight_hh, one block of H rows for each gate.

    Args:
        cell: with parameters weight_ih and weight_hh.
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
        if name in ("auto", "torch"):
            return "weights as the cell initialises them"
        if not has_gate_weights(cell):
            raise UserError(
                f"initialisation={name} is for cells with the weights weight_ih and weight_hh, a block of rows "
                f"for each gate; {type(cell).__name__} has its own initialisation, that of its paper. Leave "
                "it out."
            )
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
    weights: Any = cell
    gates = len(weights.weight_hh) // cell.hidden_size
    for gate in torch.chunk(weights.weight_ih, gates):
        inputs(gate)
    for gate in torch.chunk(weights.weight_hh, gates):
        recurrent(gate)
    said = f"{word} recurrent weights, {'He' if name == 'he' else 'Xavier'} inputs"
    biases = [getattr(cell, key, None) for key in BIASES]
    for bias in biases:
        if isinstance(bias, nn.Parameter):
            nn.init.zeros_(bias)
    if any(isinstance(bias, nn.Parameter) for bias in biases):
        said += ", zero biases"
        if type(cell) in FORGET_GATES or isinstance(cell, LSTMCell):
            set_forget_bias(cell, 1.0)
            said += ", forget bias 1"
    return said


def has_gate_weights(cell: nn.Module) -> bool:
    """Whether a cell has weight_ih [G*H, I] and weight_hh [G*H, *], a block of H rows for each gate."""
    inputs, recurrent = getattr(cell, "weight_ih", None), getattr(cell, "weight_hh", None)
    if not isinstance(inputs, nn.Parameter) or not isinstance(recurrent, nn.Parameter):
        return False
    if inputs.dim() != 2 or recurrent.dim() != 2 or len(inputs) != len(recurrent):
        return False
    return len(recurrent) % int(cell.hidden_size) == 0  # type: ignore[arg-type]


@torch.no_grad()
def set_forget_bias(cell: nn.Module, value: float, name: str = "") -> None:
    """Set the bias of every forget gate of a cell, in place: sigmoid(value) of the memory is kept.

    Args:
        cell: an LSTM or a relative of it, also inside of a wrapper.
        value: of the bias; where a high bias replaces the memory, as in coupled gates, its negative.
        name: of the cell, for the error. Default: its class.

    Raises:
        UserError: for a cell without a forget gate that is known, or without a bias.
    """
    found = False
    for module in cell.modules():
        gate = next((g for kind, g in FORGET_GATES.items() if isinstance(module, kind)), None)
        biases = [getattr(module, key, None) for key in BIASES]
        own = [bias for bias in biases if isinstance(bias, nn.Parameter)]
        if gate is None or not own:
            continue
        H = getattr(module, "hidden_size", None) or module.weight_hh.shape[1]  # type: ignore[index]
        rows = slice(gate.block * H, (gate.block + 1) * H)
        own[0][rows] = gate.sign * value
        for other in own[1:]:
            other[rows] = 0
        found = True
    if not found:
        word = name or type(cell).__name__
        raise UserError(
            f"--set forget_bias={value:g} is for cells with a forget gate that has a bias, such as lstm, "
            f"peephole_lstm or coupled_lstm; {word} has none that is known. Leave it out, or set it in a "
            "cell of your own."
        )


def he(weight: torch.Tensor) -> None:
    """He et al. 2015, in place, of a weight [outputs, inputs]."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu")
