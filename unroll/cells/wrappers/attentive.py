"""Attention over the last few outputs of a cell (Daniluk et al. 2017)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn, softmax, tanh
from torch.nn.functional import linear

from unroll.cells.state import State
from unroll.cells.wrappers.wrapper import NoiseValues, Wrapper


class AttentiveState(NamedTuple):
    """The state of `AttentiveCell`.

    Attributes:
        cell: the inner cell's state.
        memory: its last n outputs, the oldest first [B, n, O].
        filled: whether each of them exists already, bool [B, n].
    """

    cell: State
    memory: Tensor
    filled: Tensor


class AttentiveCell(Wrapper):
    """Any cell, with attention over its own last outputs.

    When to use it: where an output of a few steps ago is needed unchanged, not as the state
    remembers it: the word before last, a value one period back. The paper finds that spans beyond
    five are hardly used in language modelling.

    Equations, with y and s' the inner cell's output and new state, and m1 to mn its last n outputs
    before this one:

        y, s' = cell(x, s)
        a_k = w . tanh(W_m m_k + W_q y)             score="additive"
        a_k = m_k . y                               score="dot" (Luong et al. 2015)
        context = sum over k of softmax(a)_k m_k
        output = tanh(W_c context + W_y y)

    This is the paper's attention (its section 2.1: W_m, W_q, w, W_c, W_y are W^Y, W^h, w, W^r, W^x
    there), not the paper's key-value forms. The outputs are remembered as the cell gives them; the
    result of attention is not fed back. In the first steps only the outputs that exist take part,
    and in the very first step the context is zero; the paper does not define this.

    Source: M. Daniluk et al., Frustratingly short attention spans in neural language modeling, 2017
    (https://arxiv.org/abs/1702.04521).

    Args:
        cell: the inner cell: an unroll.Cell, or torch's own RNNCell, LSTMCell or GRUCell.
        span: n, the number of outputs that are remembered, at least 1.
        score: "additive" or "dot".

    Attributes:
        context_weight: W_c [O, O], with O the width of the output.
        output_weight: W_y [O, O].
        memory_weight: W_m [O, O]; only with score="additive".
        query_weight: W_q [O, O]; only with score="additive".
        score_weight: w [O]; only with score="additive".

    These start uniform in +-1/sqrt(O).

    Shapes:
        - x: [B, I].
        - state: AttentiveState(cell, memory [B, n, O], filled [B, n]).
        - returns: (output [B, O], AttentiveState).

    Raises:
        ValueError: span is below 1, or score is unknown.
        TypeError: `cell` is neither an unroll.Cell nor one of torch's cells.

    Examples:
        >>> import torch, unroll
        >>> layer = unroll.Recurrent(lambda i, h: unroll.AttentiveCell(unroll.LSTMCell(i, h)), 3, 4)
        >>> output, state = layer(torch.randn(7, 2, 3))
        >>> tuple(output.shape), tuple(state.memory.shape)
        ((7, 2, 4), (1, 2, 5, 4))
    """

    def __init__(
        self,
        cell: nn.Module,
        span: int = 5,
        *,
        score: Literal["additive", "dot"] = "additive",
    ) -> None:
        super().__init__(cell)
        if span < 1:
            raise ValueError(
                f"AttentiveCell got span={span}; expected at least 1, the number of outputs to remember."
            )
        if score not in ("additive", "dot"):
            raise ValueError(f"AttentiveCell got score={score!r}; expected 'additive' or 'dot'.")
        self.span, self.score = span, score
        O = self.output_size
        self.context_weight = nn.Parameter(torch.empty(O, O))
        self.output_weight = nn.Parameter(torch.empty(O, O))
        if score == "additive":
            self.memory_weight = nn.Parameter(torch.empty(O, O))
            self.query_weight = nn.Parameter(torch.empty(O, O))
            self.score_weight = nn.Parameter(torch.empty(O))
        self.reset_own_parameters()

    def reset_own_parameters(self) -> None:
        for weight in self.parameters(recurse=False):
            nn.init.uniform_(weight, -(self.output_size**-0.5), self.output_size**-0.5)

    def forward(
        self, x: Tensor, state: AttentiveState, noise: NoiseValues = None
    ) -> tuple[Tensor, AttentiveState]:
        """One step: x [B, I], state (cell, memory [B, n, O], filled [B, n]) -> output [B, O], new state."""
        y, inner = self.inner_step(x, state.cell, noise)
        memory, filled = state.memory, state.filled
        # where nothing is filled yet all scores are equal, and the memory is zeros
        scores = self.scores(memory, y).masked_fill(~filled, torch.finfo(y.dtype).min)
        attention = self.tap(attention=softmax(scores, -1) * filled)  # [B, n]
        context = (attention.unsqueeze(-1) * memory).sum(1)  # [B, O]
        output = tanh(linear(context, self.context_weight) + linear(y, self.output_weight))
        memory = torch.cat([memory[:, 1:], y.unsqueeze(1)], 1)
        filled = torch.cat([filled[:, 1:], torch.ones_like(filled[:, :1])], 1)
        return output, AttentiveState(inner, memory, filled)

    def scores(self, memory: Tensor, y: Tensor) -> Tensor:
        """The score of each remembered output [B, n], for outputs y [B, O]."""
        if self.score == "dot":
            return (memory * y.unsqueeze(1)).sum(-1)
        query = linear(y, self.query_weight).unsqueeze(1)
        return linear(tanh(linear(memory, self.memory_weight) + query), self.score_weight)

    def initial_state(self, batch_size: int, **like: Any) -> AttentiveState:
        memory = torch.zeros(batch_size, self.span, self.output_size, **like)
        filled = torch.zeros(batch_size, self.span, dtype=torch.bool, device=memory.device)
        return AttentiveState(self.cell.initial_state(batch_size, **like), memory, filled)
