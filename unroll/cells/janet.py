"""The LSTM with a forget gate and nothing else (van der Westhuizen & Lasenby 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class JANETCell(Cell):
    """JANET (just another network): an LSTM with a forget gate and no other gate.

    When to use it: long memories at half of an LSTM's weights, above all with `t_max`, the length
    of the longest dependency in steps. The memory is not bounded by a tanh.

    Equations (gate order f, g in the rows of the weights):

        s = W_if x + W_hf c + b_f
        f = sigmoid(s)                      forget gate
        i = 1 - sigmoid(s - beta)           input gate: a little more than is forgotten
        g = tanh(W_ig x + W_hg c + b_g)     candidate
        c' = f * c + i * g

    The output is the memory itself. The authors' code stacks g before f, and writes beta = 1 as
    sigmoid(1 - s), which is the same. With `beta=0` it is the coupled gate of Greff et al. 2015.

    Source: J. van der Westhuizen and J. Lasenby, The unreasonable effectiveness of the forget gate,
    2018 (https://arxiv.org/abs/1804.04849), and the authors' code
    (https://github.com/JosvanderWesthuizen/janet); the start with `t_max`: C. Tallec and Y.
    Ollivier, Can recurrent neural networks warp time?, 2018 (https://arxiv.org/abs/1804.11188).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        beta: how far the input gate runs ahead of the forget gate.
        t_max: the longest dependency in steps, greater than 2. The forget biases then start at
            log(u), u uniform in [1, t_max - 1], so that memories of all lengths up to t_max exist
            from the start (chrono initialisation). None: they start at one.

    Attributes:
        weight_ih: [2H, I], uniform in +-1/sqrt(H) at the start, as torch's.
        weight_hh: [2H, H], likewise.
        bias: [2H]; the candidate's half starts at zero.

    Shapes:
        - x: [B, I].
        - c: [B, H].
        - returns: (c', c'), each [B, H].

    Raises:
        ValueError: t_max is not greater than 2.

    Examples:
        >>> import torch, unroll
        >>> output, last = unroll.unroll(unroll.JANETCell(3, 4, t_max=784), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.shape)
        ((5, 2, 4), (2, 4))
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, beta: float = 1.0, t_max: float | None = None
    ) -> None:
        if t_max is not None and not t_max > 2:
            raise ValueError(
                f"JANETCell got t_max={t_max}; expected a number of steps greater than 2, the "
                "longest dependency. Leave it out to start the forget biases at one."
            )
        super().__init__(input_size, hidden_size)
        self.beta = beta
        self.t_max = t_max
        self.weight_ih = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(2 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(2 * hidden_size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the weights again, as torch's cells do; the forget biases by `t_max`, or one."""
        super().reset_parameters()
        forget, candidate = self.bias.chunk(2)
        nn.init.zeros_(candidate)
        if self.t_max is None:
            nn.init.ones_(forget)
        else:
            nn.init.uniform_(forget, 1, self.t_max - 1).log_()

    def forward(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """One step: x [B, I], c [B, H] -> output [B, H], new state [B, H]."""
        s, g = (linear(x, self.weight_ih, self.bias) + linear(c, self.weight_hh)).chunk(2, 1)
        f, g = self.tap(forget_gate=sigmoid(s), candidate=tanh(g))
        i = self.tap(input_gate=1 - sigmoid(s - self.beta))
        c = f * c + i * g
        return c, c
