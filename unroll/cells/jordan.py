"""The recurrent network that feeds back its output (Jordan 1986)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


def identity(v: Tensor) -> Tensor:
    """v itself, of any shape `[...]`."""
    return v


NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "identity": identity,
}


class JordanCell(Cell):
    """Jordan's recurrent cell: it feeds back its output, not its hidden layer.

    When to use it: where the next step needs only the output (movements, control), for teaching,
    and where the state should be visible in the output. It remembers less than `RNNCell`, which
    feeds back its hidden layer.

    Equations, with f and g one of sigmoid, tanh and identity:

        y_hidden = f(W_ih x + W_hh s + b)           hidden layer
        y = g(W_output y_hidden + b_output)         output
        s' = decay * s + y                          context

    With decay = 0, the default and usual today, the context is the last output. Jordan's context
    units keep a part of their old value (0 < decay < 1). His inputs, the plan, are constant in a
    sequence; here they may change. Both layers are logistic by default, as was usual then.

    Source: M. I. Jordan, Serial order: a parallel distributed processing approach, 1986
    (https://eric.ed.gov/?id=ED276754).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the width of the hidden layer.
        output_size: O, the width of the output and the context. None: H.
        decay: the part of the context that a step keeps, 0 <= decay < 1.
        nonlinearity: f, "sigmoid", "tanh" or "identity".
        output_nonlinearity: g, "sigmoid", "tanh" or "identity".

    Attributes:
        weight_ih: [H, I].
        weight_hh: [H, O].
        bias: [H].
        output_weight: [O, H].
        output_bias: [O].

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - context: s [B, O].
        - returns: (y, s'), each [B, O].

    Raises:
        ValueError: output_size is below 1, decay is outside 0 <= decay < 1, or a nonlinearity is
            unknown.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.JordanCell(3, 8, output_size=2)
        >>> output, context = unroll.unroll(cell, torch.randn(5, 4, 3))
        >>> tuple(output.shape), torch.equal(output[-1], context)
        ((5, 4, 2), True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        output_size: int | None = None,
        decay: float = 0.0,
        nonlinearity: str = "sigmoid",
        output_nonlinearity: str = "sigmoid",
    ) -> None:
        super().__init__(input_size, hidden_size)
        if output_size is None:
            output_size = hidden_size
        if output_size < 1:
            raise ValueError(
                f"JordanCell got output_size={output_size}; expected at least 1. Leave it out for "
                f"an output as wide as the hidden layer, {hidden_size}."
            )
        if not 0 <= decay < 1:
            raise ValueError(
                f"JordanCell got decay={decay}; expected 0 <= decay < 1: 0 feeds back the last "
                "output alone, and with 1 the context would grow without bound."
            )
        for name, value in (
            ("nonlinearity", nonlinearity),
            ("output_nonlinearity", output_nonlinearity),
        ):
            if value not in NONLINEARITIES:
                raise ValueError(
                    f"JordanCell got {name}={value!r}; expected one of {', '.join(NONLINEARITIES)}."
                )
        self.output_size = output_size
        self.decay = decay
        self.nonlinearity = nonlinearity
        self.output_nonlinearity = output_nonlinearity
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, output_size))
        self.bias = nn.Parameter(torch.empty(hidden_size))
        self.output_weight = nn.Parameter(torch.empty(output_size, hidden_size))
        self.output_bias = nn.Parameter(torch.empty(output_size))
        self.reset_parameters()

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], context [B, O] -> output [B, O], new context [B, O]."""
        f = NONLINEARITIES[self.nonlinearity]
        g = NONLINEARITIES[self.output_nonlinearity]
        hidden = f(linear(x, self.weight_ih, self.bias) + linear(context, self.weight_hh))
        hidden = self.tap(hidden=hidden)
        y = g(linear(hidden, self.output_weight, self.output_bias))
        context = self.decay * context + y if self.decay else y
        return y, context

    def initial_state(self, batch_size: int, **like: Any) -> Tensor:
        return torch.zeros(batch_size, self.output_size, **like)
