"""The LSTM with a projected output (Sak et al. 2014)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells.lstm import LSTMCell, LSTMState


class ProjectedLSTMCell(LSTMCell):
    """LSTM whose output is projected to fewer numbers before it is fed back.

    When to use it: a large memory with a small recurrent product, as in speech and large language
    models; it is the cell of `unroll.LSTM(..., proj_size=P)`.

    Equations: those of `LSTMCell`, with h [B, P] and, last,

        h' = W_hr (o * tanh(c'))

    Source: H. Sak et al., Long short-term memory recurrent neural network architectures for large
    scale acoustic modeling, 2014 (https://arxiv.org/abs/1402.1128).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the width of c.
        bias: whether bias_ih and bias_hh exist.
        proj_size: P, the width of h, 0 < P < H.
        device: where the parameters are made; torch's default where None.
        dtype: of the parameters; torch's default where None.

    Attributes:
        weight_ih: [4H, I].
        weight_hh: [4H, P].
        bias_ih: [4H].
        bias_hh: [4H].
        weight_hr: [P, H].

    Shapes:
        - x: [B, I].
        - state: LSTMState(h [B, P], c [B, H]).
        - returns: (h', LSTMState(h', c')).

    Raises:
        ValueError: proj_size is not between 0 and H.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.ProjectedLSTMCell(3, 8, proj_size=2)
        >>> output, state = cell(torch.zeros(5, 3), cell.initial_state(5))
        >>> tuple(output.shape), tuple(state.c.shape)
        ((5, 2), (5, 8))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        proj_size: int,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if not 0 < proj_size < hidden_size:
            raise ValueError(
                f"ProjectedLSTMCell got proj_size={proj_size}; expected a number from 1 to "
                f"{hidden_size - 1}, smaller than hidden_size={hidden_size}."
            )
        super().__init__(input_size, hidden_size, bias, device=device, dtype=dtype)
        like: dict[str, Any] = {"device": device, "dtype": dtype}
        self.proj_size = self.output_size = proj_size
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, proj_size, **like))
        self.weight_hr = nn.Parameter(torch.empty(proj_size, hidden_size, **like))
        self.reset_parameters()

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:  # type: ignore[override]
        """One step: x [B, I], state (h [B, P], c [B, H]) -> output h' [B, P], LSTMState(h', c')."""
        _, (h, c) = super().step(x, state)
        h = linear(h, self.weight_hr)
        return h, LSTMState(h, c)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """As `forward`: x [B, I], state (h [B, P], c [B, H]) -> output h' [B, P], LSTMState(h', c')."""
        return self(x, state)

    def initial_state(self, batch_size: int, **like: Any) -> LSTMState:
        return LSTMState(
            torch.zeros(batch_size, self.proj_size, **like),
            torch.zeros(batch_size, self.hidden_size, **like),
        )
