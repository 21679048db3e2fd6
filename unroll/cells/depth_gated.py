"""A stack of LSTMs whose memories are linked from layer to layer (Yao et al. 2015)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class DepthGatedState(NamedTuple):
    """The state of `DepthGatedLSTMCell`.

    Attributes:
        h: the output of each layer, the lowest first, each [B, H].
        c: the memory of each layer, the lowest first, each [B, H].
    """

    h: tuple[Tensor, ...]
    c: tuple[Tensor, ...]


class DepthGatedLSTMCell(Cell):
    """A stack of LSTM layers in one step, each with a gate to the memory of the layer below.

    When to use it: instead of a stack of LSTMs that has become too deep to train: the depth gate
    gives the gradient a linear path from layer to layer, as the forget gate does from step to step.
    The stack is this one cell, so pass `num_layers` here and leave `Recurrent`'s at one.

    Equations of layer k (gate order i, f, g, o, d in the rows of the weights), where x is the input
    in the lowest layer and h' of the layer below in the others, and l is c' of the layer below:

        i = sigmoid(W_ii x + W_hi h + w_ci * c + b_i)       input gate
        f = sigmoid(W_if x + W_hf h + w_cf * c + b_f)       forget gate
        g = tanh(W_ig x + W_hg h + b_g)                     candidate
        d = sigmoid(W_id x + w_cd * c + w_ld * l + b_d)     depth gate
        c' = d * l + f * c + i * g                          in the lowest layer without d * l
        o = sigmoid(W_io x + W_ho h + w_co * c' + b_o)      output gate
        h' = o * tanh(c')

    The depth gate does not see h, and each connection from a memory (w_c?, w_ld) is a peephole of
    one weight per unit. In the authors' code f is 1 - i and the peepholes of i and o are full
    matrices; a later version of it also gates a product of x into the lowest layer. This cell does
    neither.

    Source: K. Yao et al., Depth-gated LSTM, 2015 (https://arxiv.org/abs/1508.03790).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the width of every layer.
        num_layers: L, at least 1.

    Attributes:
        layers: layer k, counted from 0, with G = 5 gates, or 4 in the lowest layer, has weight_ih
            `[G*H, H]` (`[G*H, I]` in the lowest layer), weight_hh [4H, H], bias `[G*H]`, peephole_input,
            peephole_forget and peephole_output (w_ci, w_cf, w_co) [H] and, above the lowest layer,
            peephole_depth and peephole_lower (w_cd, w_ld) [H].

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - state: DepthGatedState(h, c), each a tuple of L tensors [B, H].
        - returns: (h' of the highest layer, DepthGatedState(h', c')).

    Raises:
        ValueError: num_layers is below 1.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.DepthGatedLSTMCell(3, 4, num_layers=2)
        >>> output, state = cell(torch.zeros(5, 3), cell.initial_state(5))
        >>> tuple(output.shape), len(state.c), output is state.h[1]
        ((5, 4), 2, True)
    """

    def __init__(self, input_size: int, hidden_size: int, *, num_layers: int = 2) -> None:
        if num_layers < 1:
            raise ValueError(
                f"DepthGatedLSTMCell got num_layers={num_layers}; expected at least 1, and 2 for a "
                "depth gate to have something below it."
            )
        super().__init__(input_size, hidden_size)
        self.num_layers = num_layers
        self.layers = nn.ModuleList(
            DepthGatedLayer(hidden_size if k else input_size, hidden_size, lowest=k == 0)
            for k in range(num_layers)
        )
        self.reset_parameters()

    def forward(self, x: Tensor, state: DepthGatedState) -> tuple[Tensor, DepthGatedState]:
        """One step: x [B, I], state (h, c) of L tensors [B, H] each -> output [B, H], new state."""
        layers: list[DepthGatedLayer] = list(self.layers)  # type: ignore[arg-type]
        lower: Tensor | None = None
        hs: list[Tensor] = []
        cs: list[Tensor] = []
        for k, (layer, h, c) in enumerate(zip(layers, *state, strict=True)):
            # the next layer reads the output and the memory of this one
            x, lower = layer(x, h, c, lower, partial(self.tap_gate, k))
            hs.append(x)
            cs.append(lower)
        return x, DepthGatedState(tuple(hs), tuple(cs))

    def tap_gate(self, k: int, name: str, gate: Tensor) -> Tensor:
        """The value of a gate of layer k, under its name for a recording.

        Args:
            k: the layer, 0 the lowest.
            name: of the gate, such as forget_gate; recorded as forget_gate_l0 for k = 0.
            gate: its value [B, H].

        Returns:
            The value [B, H]; changed where a wrapper changes it.
        """
        given: Tensor = self.tap(**{f"{name}_l{k}": gate})
        return given

    def initial_state(self, batch_size: int, **like: Any) -> DepthGatedState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return DepthGatedState((zeros,) * self.num_layers, (zeros,) * self.num_layers)


class DepthGatedLayer(nn.Module):
    """One layer: an LSTM with peepholes and, above another layer, the gate to its memory."""

    def __init__(self, input_size: int, hidden_size: int, *, lowest: bool) -> None:
        super().__init__()
        G = 4 if lowest else 5
        self.weight_ih = nn.Parameter(torch.empty(G * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(G * hidden_size))
        self.peephole_input = nn.Parameter(torch.empty(hidden_size))
        self.peephole_forget = nn.Parameter(torch.empty(hidden_size))
        self.peephole_output = nn.Parameter(torch.empty(hidden_size))
        if not lowest:
            self.peephole_depth = nn.Parameter(torch.empty(hidden_size))
            self.peephole_lower = nn.Parameter(torch.empty(hidden_size))

    def forward(
        self,
        x: Tensor,
        h: Tensor,
        c: Tensor,
        lower: Tensor | None,
        tap: Callable[[str, Tensor], Tensor],
    ) -> tuple[Tensor, Tensor]:
        """One step of this layer.

        Args:
            x: the inputs [B, I] in the lowest layer, else the output of the layer below [B, H].
            h: the layer's output of the step before [B, H].
            c: its memory of the step before [B, H].
            lower: the new memory of the layer below [B, H]; None in the lowest layer.
            tap: called with the name and the value [B, H] of each gate; returns the value to use.

        Returns:
            The layer's output h' [B, H] and its new memory c' [B, H].
        """
        x_i, x_f, x_g, x_o, *x_d = linear(x, self.weight_ih, self.bias).split(h.shape[1], -1)
        h_i, h_f, h_g, h_o = linear(h, self.weight_hh).chunk(4, -1)
        i = tap("input_gate", sigmoid(x_i + h_i + self.peephole_input * c))
        f = tap("forget_gate", sigmoid(x_f + h_f + self.peephole_forget * c))
        g = tap("candidate", tanh(x_g + h_g))
        new = f * c + i * g
        if lower is not None:
            d = sigmoid(x_d[0] + self.peephole_depth * c + self.peephole_lower * lower)
            new = tap("depth_gate", d) * lower + new
        o = tap("output_gate", sigmoid(x_o + h_o + self.peephole_output * new))
        return o * tanh(new), new
