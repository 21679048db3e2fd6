"""How a network starts: the state of its recurrent layers before the first step, and their forget biases."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from unroll.errors import UserError
from unroll.layers import Recurrent
from unroll.layers.initial_state import InitialState
from unroll.models.initialisation import initialisation_in_words, set_forget_bias
from unroll.settings import RecurrentSettings

Network = TypeVar("Network", bound=nn.Module)


def with_start(network: Network, settings: RecurrentSettings) -> Network:
    """Give the recurrent layers of a network the start that settings ask for, in place.

    Args:
        network: freshly made; what it says about its initialisation is kept up to date.
        settings: with `start` and `forget_bias`.

    Returns:
        The network.

    Raises:
        UserError: where no layer starts by itself, or a cell has no forget gate.
    """
    layers = [module for module in network.modules() if isinstance(module, Recurrent)]
    said = initialisation_in_words(network)
    if settings.forget_bias is not None:
        for layer in layers:
            for cell in layer.cells:
                set_forget_bias(cell, settings.forget_bias, settings.cell)
        said = said.replace(", forget bias 1", "") + f", forget bias {settings.forget_bias:g}"
    if settings.start != "zeros":
        bridged = getattr(network, "decoder", None) if hasattr(network, "bridge") else None
        own = [layer for layer in layers if layer is not bridged]
        if not own:
            raise UserError(
                f"--set start={settings.start} is for layers that start by themselves; the decoder of this "
                "task starts from what it describes. Leave it out."
            )
        for layer in own:
            layer.start = InitialState(settings.start, layer.initial_state(1))
        said += f", {settings.start} initial states"
    if said != initialisation_in_words(network):
        network.initialised = said  # type: ignore[assignment]
    return network
