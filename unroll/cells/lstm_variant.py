"""What the variants of the LSTM in "a search space odyssey" have in common (Greff et al. 2015).

Each variant removes, couples or adds one thing. All start from the vanilla LSTM, which has
peepholes: `PeepholeLSTMCell`. The eighth variant, NP for "no peepholes", is `LSTMCell`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from unroll.cells.cell import Cell
from unroll.cells.lstm import LSTMState
from unroll.cells.state import State


class VariantLSTMCell(Cell):
    """What the variants have in common: sums of x and h, and gates that may see the memory.

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        peepholes: which gates see the memory, by their letters, such as "if"; True: all, False: none.

    Attributes:
        blocks: how many of i, f, g and o the rows of the weights stack.
        gates: those that may have a peephole, each as `peephole_NAME` [H], or None.

    Raises:
        ValueError: for a letter that is no gate of the cell.
    """

    blocks = 4
    gates: tuple[str, ...] = ("input", "forget", "output")

    peephole_input: nn.Parameter | None
    peephole_forget: nn.Parameter | None
    peephole_output: nn.Parameter | None

    def __init__(self, input_size: int, hidden_size: int, *, peepholes: bool | str = True) -> None:
        super().__init__(input_size, hidden_size)
        letters = "".join(gate[0] for gate in self.gates)
        chosen = letters if peepholes is True else peepholes or ""
        if not isinstance(chosen, str) or set(chosen) - set(letters):
            raise ValueError(
                f"{type(self).__name__} got peepholes={peepholes!r}; expected True, False, or letters of "
                f'"{letters}": the gates that see the memory.'
            )
        self.weight_ih = nn.Parameter(torch.empty(self.blocks * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(self.blocks * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(self.blocks * hidden_size))
        for gate in self.gates:
            weight = nn.Parameter(torch.empty(hidden_size)) if gate[0] in chosen else None
            self.register_parameter(f"peephole_{gate}", weight)
        self.reset_parameters()

    def sums(self, x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        """W x + R h + b of inputs [B, I] and outputs [B, H], as one tensor [B, H] per block."""
        both = linear(x, self.weight_ih, self.bias) + linear(h, self.weight_hh)
        return both.chunk(self.blocks, 1)

    def initial_state(self, batch_size: int, **like: Any) -> State:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return LSTMState(zeros, zeros)


def see(gate: Tensor, peephole: Tensor | None, c: Tensor) -> Tensor:
    """A gate's sum [B, H], plus the memory c [B, H] times its peephole [H] where it has one."""
    return gate if peephole is None else gate + peephole * c
