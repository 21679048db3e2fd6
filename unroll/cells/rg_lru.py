"""The real-gated linear recurrent unit of Griffin and Hawk (De et al. 2024)."""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid
from torch.nn.functional import linear, logsigmoid, softplus

from unroll.cells.cell import Cell
from unroll.cells.scan import scan

POWER = 8.0  # c, the same in all of the paper
TERMS = 12  # of a series for numbers up to 0.2


class RGLRUCell(Cell):
    """The real-gated linear recurrent unit: a decay that the input can slow down, never speed up.

    When to use it: language models over long texts. It starts with memories of ten to a thousand
    steps, and a unit whose gate r is 0 keeps its state exactly.

    Equations (gate order r, i in the rows of the weights, then p where I is not H):

        r = sigmoid(W_r x + b_r)                recurrence gate
        i = sigmoid(W_i x + b_i)                input gate
        a = sigmoid(decay)^(8 r)
        h' = a * h + sqrt(1 - a^2) * (i * x)    x is W_p x + b_p where I is not H

    a and 1 - a^2 are computed from log a, so neither loses precision where a is near one. The
    paper's gates are block-diagonal, to spread them over devices; these are dense. The authors'
    code leaves sqrt(1 - a^2) out at the first step of a document; this cell, as the paper, never
    does.

    Source: S. De et al., Griffin: mixing gated linear recurrences with local attention for
    efficient language models, 2024 (https://arxiv.org/abs/2402.19427).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.

    Attributes:
        weight_ih: `[G*H, I]`, with G = 2, or 3 where I is not H; normal with variance 1/I at the start.
        bias: `[G*H]`, zeros at the start.
        decay: [H], the paper's Lambda, drawn so that sigmoid(decay)^8 is uniform in 0.9 .. 0.999.

    Shapes:
        - x: [B, I].
        - h: [B, H].
        - returns: (h', h'). `parallel(x [T, B, I], h)` returns them for every step, [T, B, H].

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.RGLRUCell(4, 4)
        >>> slowest = torch.sigmoid(cell.decay) ** 8
        >>> bool((slowest > 0.89).all()), bool((slowest < 1).all())
        (True, True)
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.projects = input_size != hidden_size
        rows = (3 if self.projects else 2) * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.bias = nn.Parameter(torch.empty(rows))
        self.decay = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight_ih, std=self.input_size**-0.5)
        nn.init.zeros_(self.bias)
        log_a = torch.empty(self.hidden_size).uniform_(0.9, 0.999).log() / POWER
        self.decay.copy_(log_a - torch.log(-torch.expm1(log_a)))  # log(a / (1 - a))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], h [B, H] -> output [B, H], new state [B, H]."""
        a, added = self.gates(x)
        h = a * h + added
        return h, h

    def parallel(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """All steps at once, without a loop over time.

        Args:
            x: the inputs [T, B, I].
            h: the state before the first step [B, H].

        Returns:
            The outputs [T, B, H] and the states after each step [T, B, H], which are the same tensor.
        """
        a, added = self.gates(x)
        h = scan(a, added, h)
        return h, h

    def gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The factor of h, and what is added to it, each [..., H]."""
        r, i, *projected = linear(x, self.weight_ih, self.bias).split(self.hidden_size, -1)
        r, i = self.tap(recurrence_gate=sigmoid(r), input_gate=sigmoid(i))
        log_a = r * (POWER * log_of_sigmoid(self.decay))
        # a shut gate leaves no room, and a root has no slope at zero: the tiniest number instead
        room = torch.finfo(log_a.dtype).tiny - squared_minus_one(log_a)
        value = projected[0] if self.projects else x
        a = self.tap(decay=torch.exp(log_a))
        return a, room.sqrt() * (i * value)


def squared_minus_one(x: Tensor) -> Tensor:
    """exp(2 x) - 1 without cancellation near zero, for numbers of any shape `[...]`."""
    if torch.onnx.is_in_onnx_export():  # ONNX has no expm1
        series = torch.ones_like(x)
        for k in range(TERMS, 1, -1):
            series = 1 + 2 * x * series / k
        return torch.where(x.abs() < 0.1, 2 * x * series, torch.exp(2 * x) - 1)
    return torch.expm1(2 * x)


def log_of_sigmoid(x: Tensor) -> Tensor:
    """log(sigmoid(x)) for numbers of any shape `[...]`."""
    if torch.onnx.is_in_onnx_export():  # which writes the logarithm of a sigmoid near one
        return -softplus(-x)
    return logsigmoid(x)
