"""The clockwork RNN: modules that are updated at their own periods (Koutnik et al. 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell


class ClockworkState(NamedTuple):
    """The state of `ClockworkRNNCell`.

    Attributes:
        h: the outputs of all modules [B, H].
        clock: the number of steps since the start [B, 1], int64.
    """

    h: Tensor
    clock: Tensor


class ClockworkRNNCell(Cell):
    """A simple recurrent network in modules, each of which is updated only once per period.

    When to use it: signals with structure at several speeds (sound, motion), where the periods are
    known or doubling; a module of period 8 sees one step in eight, so its gradient reaches eight
    times as far.

    Equations, with t = 0 at the first step, and for the module of period P:

        h' = tanh(W_ih x + W_hh h + b)      where t mod P = 0
        h' = h                              at all other steps
        t' = t + 1

    The units form M equal blocks, one per module, in the order of `periods`. A module reads itself
    and the modules of its own or a longer period: slow ones drive fast ones, never the other way,
    so the other blocks of W_hh are taken as zero.

    The paper gives t mod P = 0 but not the first t. Here it is 0 and all modules start on the first
    input, as in the authors' library (github.com/IDSIA/brainstorm); others count from 1 and leave a
    module of period P at its initial state for P - 1 steps. Every step computes all modules, so the
    paper's saving of time is not realised.

    Source: J. Koutnik et al., A clockwork RNN, 2014 (https://arxiv.org/abs/1402.3511).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, a multiple of the number of periods.
        periods: the period of each module in steps, in any order.

    Attributes:
        weight_ih: [H, I].
        weight_hh: [H, H]; the blocks that are taken as zero have no effect.
        bias: [H].

    All start uniform in +-1/sqrt(H), as torch's.

    Shapes:
        - x: [B, I].
        - state: ClockworkState(h [B, H], clock [B, 1] of int64).
        - returns: (h', ClockworkState(h', clock + 1)).

    Raises:
        ValueError: a period is not a whole number from 1, or H is not a multiple of their number.

    Examples:
        >>> import torch, unroll
        >>> cell = unroll.ClockworkRNNCell(3, 4, periods=(1, 2))
        >>> x = torch.randn(5, 3)
        >>> first, state = cell(x, cell.initial_state(5))
        >>> second, _ = cell(x, state)                        # clock 1: the slow module waits
        >>> (first == second).all(0).tolist()
        [False, False, True, True]
    """

    period: Tensor
    connected: Tensor

    def __init__(
        self, input_size: int, hidden_size: int, *, periods: Sequence[int] = (1, 2, 4, 8)
    ) -> None:
        periods = (periods,) if isinstance(periods, int) else tuple(periods)
        if not periods or any(not isinstance(p, int) or p < 1 for p in periods):
            raise ValueError(
                f"ClockworkRNNCell got periods={periods}; expected whole numbers from 1, "
                "one per module, such as (1, 2, 4, 8)."
            )
        if hidden_size % len(periods):
            raise ValueError(
                f"ClockworkRNNCell got hidden_size={hidden_size} for {len(periods)} periods "
                f"{tuple(periods)}; expected a multiple of {len(periods)}, because all "
                "modules have the same size. Change the hidden size or the periods."
            )
        super().__init__(input_size, hidden_size)
        self.periods = tuple(periods)
        period = torch.tensor(periods).repeat_interleave(hidden_size // len(periods))
        self.register_buffer("period", period, persistent=False)
        self.register_buffer("connected", period >= period[:, None], persistent=False)
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def forward(self, x: Tensor, state: ClockworkState) -> tuple[Tensor, ClockworkState]:
        """One step: x [B, I], state (h [B, H], clock [B, 1]) -> output h' [B, H], new state."""
        h, clock = state
        weight_hh = torch.where(self.connected, self.weight_hh, 0.0)
        new = tanh(linear(x, self.weight_ih, self.bias) + linear(h, weight_hh))
        new = self.tap(candidate=new)
        h = torch.where(clock % self.period == 0, new, h)
        return h, ClockworkState(h, clock + 1)

    def initial_state(
        self,
        batch_size: int,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> ClockworkState:
        return ClockworkState(
            torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device),
            torch.zeros(batch_size, 1, dtype=torch.int64, device=device),
        )
