"""A stack of echo state networks in one step (Gallicchio, Micheli and Pedrelli 2017)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unroll.cells.cell import Cell
from unroll.cells.echo_state import EchoStateCell


class DeepEchoState(NamedTuple):
    """The state of `DeepEchoStateCell`.

    Attributes:
        h: the state of each reservoir, the lowest first, each [B, H].
    """

    h: tuple[Tensor, ...]


class DeepEchoStateCell(Cell):
    """A stack of reservoirs in one step; the output holds the states of all of them.

    When to use it: signals with several time scales. `Recurrent(EchoStateCell, ..., num_layers=L)`
    gives the output of the highest reservoir alone; here the read-out sees every layer, as in the
    paper. The stack is this one cell, so pass `num_layers` here and leave `Recurrent`'s at one.

    Equations of layer l, where x is the input in the lowest layer and h' of the layer below in the
    others:

        h_l' = (1 - a_l) * h_l + a_l * tanh(W_ih x + b + W_hh h_l)
        output = (h_1', ..., h_L')

    Each layer is an `EchoStateCell`. Its weights from the layer below are uniform in
    +-inter_scaling.

    Source: C. Gallicchio, A. Micheli and L. Pedrelli, Deep reservoir computing: a critical
    experimental analysis, 2017 (https://doi.org/10.1016/j.neucom.2016.12.089).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the width of every layer.
        num_layers: L, at least 1.
        leak_rate: of every layer, or a tuple of L numbers, lowest layer first; a smaller leak rate
            in higher layers gives them longer time scales.
        input_scaling: the largest |weight| from the inputs to the lowest layer.
        inter_scaling: input_scaling of all layers but the lowest. None: sqrt(3/H), with which a sum
            over the units below is about as large as one of them.
        seed: layer l, from 0, has the reservoir of seed + l. None: drawn from torch's generator.
        options: those of `EchoStateCell`, for every layer.

    Attributes:
        layers: the L reservoirs, each an `EchoStateCell`; its weights are buffers.

    Shapes:
        - x: [B, I].
        - state: DeepEchoState(h), a tuple of L tensors [B, H].
        - returns: (the states side by side `[B, L*H]`, DeepEchoState(h')).

    Raises:
        ValueError: num_layers is below 1, the number of leak rates is not L, or an option of
            `EchoStateCell` is out of its range.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.DeepEchoStateCell(3, 50, num_layers=2, leak_rate=(1.0, 0.3))
        >>> states, last = unroll.unroll(cell, torch.randn(7, 2, 3))
        >>> tuple(states.shape), torch.equal(states[-1, :, 50:], last.h[1])
        ((7, 2, 100), True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 3,
        leak_rate: float | tuple[float, ...] = 1.0,
        input_scaling: float = 1.0,
        inter_scaling: float | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        if num_layers < 1:
            raise ValueError(f"DeepEchoStateCell got num_layers={num_layers}; expected at least 1.")
        leaks = leak_rate if isinstance(leak_rate, tuple) else (leak_rate,) * num_layers
        if len(leaks) != num_layers:
            raise ValueError(
                f"DeepEchoStateCell got {len(leaks)} leak rates; expected one number, or a tuple of "
                f"num_layers={num_layers}."
            )
        super().__init__(input_size, hidden_size)
        self.num_layers = num_layers
        self.output_size = num_layers * hidden_size
        between = (3 / hidden_size) ** 0.5 if inter_scaling is None else inter_scaling
        self.layers = nn.ModuleList(
            EchoStateCell(
                hidden_size if l else input_size,
                hidden_size,
                leak_rate=leak,
                input_scaling=between if l else input_scaling,
                seed=None if seed is None else seed + l,
                **options,
            )
            for l, leak in enumerate(leaks)
        )

    def forward(self, x: Tensor, state: DeepEchoState) -> tuple[Tensor, DeepEchoState]:
        """One step: x [B, I], state of L tensors [B, H] -> output `[B, L*H]`, new state of L tensors [B, H]."""
        layers: list[EchoStateCell] = list(self.layers)  # type: ignore[arg-type]
        states: list[Tensor] = []
        for layer, h in zip(layers, state.h, strict=True):
            n = self.tap(**{f"candidate_l{len(states)}": layer.candidate(x, h)})
            x = layer.leak(h, n)
            states.append(x)
        return torch.cat(states, -1), DeepEchoState(tuple(states))

    def reset_parameters(self) -> None:
        """Draw every reservoir again; with a seed, the same ones."""
        layers: list[EchoStateCell] = list(self.layers)  # type: ignore[arg-type]
        for layer in layers:
            layer.reset_parameters()

    def initial_state(self, batch_size: int, **like: Any) -> DeepEchoState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return DeepEchoState((zeros,) * self.num_layers)
