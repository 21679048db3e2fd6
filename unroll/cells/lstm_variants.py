"""The variants of the LSTM that "a search space odyssey" compared (Greff et al. 2015).

Each leaves out, couples or adds one thing. They start from the vanilla LSTM, which has peepholes:
`PeepholeLSTMCell`. The eighth variant, NP for "no peepholes", is `LSTMCell`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, cat, nn, sigmoid, tanh
from torch.nn.functional import linear

from unroll.cells.cell import Cell
from unroll.cells.lstm import LSTMState
from unroll.cells.state import State


class VariantLSTMCell(Cell):
    """What the variants have in common: sums of x and h, and gates that may see the memory.

    blocks: how many of i, f, g and o the rows of the weights stack. gates: those with a peephole.
    """

    blocks = 4
    gates: tuple[str, ...] = ("input", "forget", "output")

    peephole_input: nn.Parameter | None
    peephole_forget: nn.Parameter | None
    peephole_output: nn.Parameter | None

    def __init__(self, input_size: int, hidden_size: int, *, peepholes: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(self.blocks * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(self.blocks * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(self.blocks * hidden_size))
        for gate in self.gates:
            weight = nn.Parameter(torch.empty(hidden_size)) if peepholes else None
            self.register_parameter(f"peephole_{gate}", weight)
        self.reset_parameters()

    def sums(self, x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        """W x + R h + b, for each block of rows."""
        both = linear(x, self.weight_ih, self.bias) + linear(h, self.weight_hh)
        return both.chunk(self.blocks, 1)

    def initial_state(self, batch_size: int, **like: Any) -> State:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return LSTMState(zeros, zeros)


def see(gate: Tensor, peephole: Tensor | None, c: Tensor) -> Tensor:
    """A gate's sum, with the memory that it sees where it has a peephole."""
    return gate if peephole is None else gate + peephole * c


class NoInputGateLSTMCell(VariantLSTMCell):
    """NIG: the LSTM without its input gate; every candidate is stored in full.

    When to use it: to measure what the input gate is worth. In the paper speech and handwriting
    suffer without it, music does not.

    Equations (gate order f, g, o in the rows of the weights):

        f = sigmoid(W_if x + W_hf h + p_f * c + b_f)      forget gate
        g = tanh(W_ig x + W_hg h + b_g)                   candidate
        c' = f * c + g
        o = sigmoid(W_io x + W_ho h + p_o * c' + b_o)     output gate
        h' = o * tanh(c')

    It is `PeepholeLSTMCell` with i = 1; the paper calls g the block input z, and h the output y.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink and J. Schmidhuber, LSTM: a
    search space odyssey, 2015 (https://arxiv.org/abs/1503.04069).

    Args:
        input_size: I. hidden_size: H. peepholes: whether gates see the memory, as in the paper.

    Parameters: weight_ih [3H, I], weight_hh [3H, H], bias [3H], peephole_forget [H],
    peephole_output [H]. All start uniform in +-1/sqrt(H), as torch's.
    Input: x [B, I]; state LSTMState(h [B, H], c [B, H]).
    Output: (h', LSTMState(h', c')).
    Raises: what torch raises, for inputs of another width.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.lstm_variants import NoInputGateLSTMCell
        >>> output, last = unroll.unroll(NoInputGateLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    blocks = 3
    gates = ("forget", "output")

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        h, c = state
        f, g, o = self.sums(x, h)
        f = self.tap(forget_gate=sigmoid(see(f, self.peephole_forget, c)))
        g = self.tap(candidate=tanh(g))
        c = f * c + g
        o = self.tap(output_gate=sigmoid(see(o, self.peephole_output, c)))
        h = o * tanh(c)
        return h, LSTMState(h, c)


class NoForgetGateLSTMCell(VariantLSTMCell):
    """NFG: the LSTM without its forget gate; the memory keeps all it was ever given.

    When to use it: to measure what the forget gate is worth, which the LSTM of 1997 did not have
    yet. In the paper it is one of the two variants that do worst.

    Equations (gate order i, g, o in the rows of the weights):

        i = sigmoid(W_ii x + W_hi h + p_i * c + b_i)      input gate
        g = tanh(W_ig x + W_hg h + b_g)                   candidate
        c' = c + i * g
        o = sigmoid(W_io x + W_ho h + p_o * c' + b_o)     output gate
        h' = o * tanh(c')

    It is `PeepholeLSTMCell` with f = 1; the paper calls g the block input z, and h the output y.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink and J. Schmidhuber, LSTM: a
    search space odyssey, 2015 (https://arxiv.org/abs/1503.04069).

    Args:
        input_size: I. hidden_size: H. peepholes: whether gates see the memory, as in the paper.

    Parameters: weight_ih [3H, I], weight_hh [3H, H], bias [3H], peephole_input [H],
    peephole_output [H]. All start uniform in +-1/sqrt(H), as torch's.
    Input: x [B, I]; state LSTMState(h [B, H], c [B, H]).
    Output: (h', LSTMState(h', c')).
    Raises: what torch raises, for inputs of another width.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.lstm_variants import NoForgetGateLSTMCell
        >>> output, last = unroll.unroll(NoForgetGateLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    blocks = 3
    gates = ("input", "output")

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        h, c = state
        i, g, o = self.sums(x, h)
        i = self.tap(input_gate=sigmoid(see(i, self.peephole_input, c)))
        g = self.tap(candidate=tanh(g))
        c = c + i * g
        o = self.tap(output_gate=sigmoid(see(o, self.peephole_output, c)))
        h = o * tanh(c)
        return h, LSTMState(h, c)


class NoOutputGateLSTMCell(VariantLSTMCell):
    """NOG: the LSTM without its output gate; the memory is always shown.

    When to use it: to measure what the output gate is worth. In the paper speech and handwriting
    suffer without it, music does not.

    Equations (gate order i, f, g in the rows of the weights):

        i = sigmoid(W_ii x + W_hi h + p_i * c + b_i)      input gate
        f = sigmoid(W_if x + W_hf h + p_f * c + b_f)      forget gate
        g = tanh(W_ig x + W_hg h + b_g)                   candidate
        c' = f * c + i * g
        h' = tanh(c')

    It is `PeepholeLSTMCell` with o = 1; the paper calls g the block input z, and h the output y.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink and J. Schmidhuber, LSTM: a
    search space odyssey, 2015 (https://arxiv.org/abs/1503.04069).

    Args:
        input_size: I. hidden_size: H. peepholes: whether gates see the memory, as in the paper.

    Parameters: weight_ih [3H, I], weight_hh [3H, H], bias [3H], peephole_input [H],
    peephole_forget [H]. All start uniform in +-1/sqrt(H), as torch's.
    Input: x [B, I]; state LSTMState(h [B, H], c [B, H]).
    Output: (h', LSTMState(h', c')).
    Raises: what torch raises, for inputs of another width.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.lstm_variants import NoOutputGateLSTMCell
        >>> output, last = unroll.unroll(NoOutputGateLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    blocks = 3
    gates = ("input", "forget")

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        h, c = state
        i, f, g = self.sums(x, h)
        i = self.tap(input_gate=sigmoid(see(i, self.peephole_input, c)))
        f = self.tap(forget_gate=sigmoid(see(f, self.peephole_forget, c)))
        g = self.tap(candidate=tanh(g))
        c = f * c + i * g
        h = tanh(c)
        return h, LSTMState(h, c)


class NoInputActivationLSTMCell(VariantLSTMCell):
    """NIAF: the LSTM without the tanh on the way in; candidates are linear.

    When to use it: to measure what the tanh is worth. In the paper speech and handwriting suffer
    without it, music does not.

    Equations (gate order i, f, g, o in the rows of the weights, as torch):

        i = sigmoid(W_ii x + W_hi h + p_i * c + b_i)      input gate
        f = sigmoid(W_if x + W_hf h + p_f * c + b_f)      forget gate
        g = W_ig x + W_hg h + b_g                         candidate
        c' = f * c + i * g
        o = sigmoid(W_io x + W_ho h + p_o * c' + b_o)     output gate
        h' = o * tanh(c')

    It is `PeepholeLSTMCell` but for g; the paper calls g the block input z, and h the output y.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink and J. Schmidhuber, LSTM: a
    search space odyssey, 2015 (https://arxiv.org/abs/1503.04069).

    Args:
        input_size: I. hidden_size: H. peepholes: whether gates see the memory, as in the paper.

    Parameters: weight_ih [4H, I], weight_hh [4H, H], bias [4H], peephole_input [H],
    peephole_forget [H], peephole_output [H]. All start uniform in +-1/sqrt(H), as torch's.
    Input: x [B, I]; state LSTMState(h [B, H], c [B, H]).
    Output: (h', LSTMState(h', c')).
    Raises: what torch raises, for inputs of another width.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.lstm_variants import NoInputActivationLSTMCell
        >>> output, last = unroll.unroll(NoInputActivationLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        h, c = state
        i, f, g, o = self.sums(x, h)
        i = self.tap(input_gate=sigmoid(see(i, self.peephole_input, c)))
        f = self.tap(forget_gate=sigmoid(see(f, self.peephole_forget, c)))
        g = self.tap(candidate=g)
        c = f * c + i * g
        o = self.tap(output_gate=sigmoid(see(o, self.peephole_output, c)))
        h = o * tanh(c)
        return h, LSTMState(h, c)


class NoOutputActivationLSTMCell(VariantLSTMCell):
    """NOAF: the LSTM without the tanh on the way out; the memory is shown as it is.

    When to use it: to measure what the tanh is worth. In the paper it is one of the two
    variants that do worst, because nothing bounds what is shown.

    Equations (gate order i, f, g, o in the rows of the weights, as torch):

        i = sigmoid(W_ii x + W_hi h + p_i * c + b_i)      input gate
        f = sigmoid(W_if x + W_hf h + p_f * c + b_f)      forget gate
        g = tanh(W_ig x + W_hg h + b_g)                   candidate
        c' = f * c + i * g
        o = sigmoid(W_io x + W_ho h + p_o * c' + b_o)     output gate
        h' = o * c'

    It is `PeepholeLSTMCell` but for h'; the paper calls g the block input z, and h the output y.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink and J. Schmidhuber, LSTM: a
    search space odyssey, 2015 (https://arxiv.org/abs/1503.04069).

    Args:
        input_size: I. hidden_size: H. peepholes: whether gates see the memory, as in the paper.

    Parameters: weight_ih [4H, I], weight_hh [4H, H], bias [4H], peephole_input [H],
    peephole_forget [H], peephole_output [H]. All start uniform in +-1/sqrt(H), as torch's.
    Input: x [B, I]; state LSTMState(h [B, H], c [B, H]).
    Output: (h', LSTMState(h', c')).
    Raises: what torch raises, for inputs of another width.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.lstm_variants import NoOutputActivationLSTMCell
        >>> output, last = unroll.unroll(NoOutputActivationLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        h, c = state
        i, f, g, o = self.sums(x, h)
        i = self.tap(input_gate=sigmoid(see(i, self.peephole_input, c)))
        f = self.tap(forget_gate=sigmoid(see(f, self.peephole_forget, c)))
        g = self.tap(candidate=tanh(g))
        c = f * c + i * g
        o = self.tap(output_gate=sigmoid(see(o, self.peephole_output, c)))
        h = o * c
        return h, LSTMState(h, c)


class CoupledLSTMCell(VariantLSTMCell):
    """CIFG: the LSTM with one gate for both; what comes in takes the place of what is forgotten.

    When to use it: instead of an LSTM, at three quarters of its weights; in the paper it does as
    well. The memory is a running mean of candidates, and so never leaves (-1, 1).

    Equations (gate order i, g, o in the rows of the weights):

        i = sigmoid(W_ii x + W_hi h + p_i * c + b_i)      input gate
        g = tanh(W_ig x + W_hg h + b_g)                   candidate
        c' = (1 - i) * c + i * g
        o = sigmoid(W_io x + W_ho h + p_o * c' + b_o)     output gate
        h' = o * tanh(c')

    It is `PeepholeLSTMCell` with f = 1 - i. It is also ONNX's LSTM with `input_forget=1`, whose
    rows of f are there but not read: with P, or with `peepholes=False` where there is no P.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink and J. Schmidhuber, LSTM: a
    search space odyssey, 2015 (https://arxiv.org/abs/1503.04069).

    Args:
        input_size: I. hidden_size: H. peepholes: whether gates see the memory, as in the paper.

    Parameters: weight_ih [3H, I], weight_hh [3H, H], bias [3H], peephole_input [H],
    peephole_output [H]. All start uniform in +-1/sqrt(H), as torch's.
    Input: x [B, I]; state LSTMState(h [B, H], c [B, H]).
    Output: (h', LSTMState(h', c')).
    Raises: what torch raises, for inputs of another width.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.lstm_variants import CoupledLSTMCell
        >>> output, last = unroll.unroll(CoupledLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.c.shape)
        ((5, 2, 4), (2, 4))
    """

    blocks = 3
    gates = ("input", "output")

    def forward(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        h, c = state
        i, g, o = self.sums(x, h)
        i = self.tap(input_gate=sigmoid(see(i, self.peephole_input, c)))
        f, g = self.tap(forget_gate=1 - i, candidate=tanh(g))
        c = f * c + i * g
        o = self.tap(output_gate=sigmoid(see(o, self.peephole_output, c)))
        h = o * tanh(c)
        return h, LSTMState(h, c)


class FullGateRecurrenceLSTMState(NamedTuple):
    """h: what the cell shows; c: what it remembers; i, f, o: its gates; each [B, H]."""

    h: Tensor
    c: Tensor
    i: Tensor
    f: Tensor
    o: Tensor


class FullGateRecurrenceLSTMCell(VariantLSTMCell):
    """FGR: the LSTM whose gates also read all gates of the step before.

    When to use it: to compare; it has nine more matrices, and in the paper they do not help. The
    first LSTM (1997) was wired so.

    Equations (gate order i, f, g, o in the rows of the weights, as torch; i, f, o in those of V):

        i' = sigmoid(W_ii x + W_hi h + V_ii i + V_fi f + V_oi o + p_i * c + b_i)      input gate
        f' = sigmoid(W_if x + W_hf h + V_if i + V_ff f + V_of o + p_f * c + b_f)      forget gate
        g = tanh(W_ig x + W_hg h + b_g)                                               candidate
        c' = f' * c + i' * g
        o' = sigmoid(W_io x + W_ho h + V_io i + V_fo f + V_oo o + p_o * c' + b_o)     output gate
        h' = o' * tanh(c')

    The gates are zero before the first step, as in the authors' code. The paper calls g the block
    input z, h the output y, and W_h as well as V recurrent weights R.

    Source: K. Greff, R. K. Srivastava, J. Koutnik, B. R. Steunebrink and J. Schmidhuber, LSTM: a
    search space odyssey, 2015 (https://arxiv.org/abs/1503.04069), and the authors' code
    (https://github.com/Qwlouse/pylstm).

    Args:
        input_size: I. hidden_size: H. peepholes: whether gates see the memory, as in the paper.

    Parameters: weight_ih [4H, I], weight_hh [4H, H], bias [4H], weight_gates [3H, 3H] (V: rows
    and columns i, f, o), peephole_input [H], peephole_forget [H], peephole_output [H]. All start
    uniform in +-1/sqrt(H), as torch's.
    Input: x [B, I]; state FullGateRecurrenceLSTMState(h, c, i, f, o), each [B, H].
    Output: (h', FullGateRecurrenceLSTMState(h', c', i', f', o')).
    Raises: what torch raises, for inputs of another width.

    Example:
        >>> import torch, unroll
        >>> from unroll.cells.lstm_variants import FullGateRecurrenceLSTMCell
        >>> output, last = unroll.unroll(FullGateRecurrenceLSTMCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.f.shape)
        ((5, 2, 4), (2, 4))
    """

    def __init__(self, input_size: int, hidden_size: int, *, peepholes: bool = True) -> None:
        super().__init__(input_size, hidden_size, peepholes=peepholes)
        self.weight_gates = nn.Parameter(torch.empty(3 * hidden_size, 3 * hidden_size))
        self.reset_parameters()

    def forward(
        self, x: Tensor, state: FullGateRecurrenceLSTMState
    ) -> tuple[Tensor, FullGateRecurrenceLSTMState]:
        h, c, i, f, o = state
        from_i, from_f, from_o = linear(cat([i, f, o], 1), self.weight_gates).chunk(3, 1)
        i, f, g, o = self.sums(x, h)
        i = self.tap(input_gate=sigmoid(see(i + from_i, self.peephole_input, c)))
        f = self.tap(forget_gate=sigmoid(see(f + from_f, self.peephole_forget, c)))
        g = self.tap(candidate=tanh(g))
        c = f * c + i * g
        o = self.tap(output_gate=sigmoid(see(o + from_o, self.peephole_output, c)))
        h = o * tanh(c)
        return h, FullGateRecurrenceLSTMState(h, c, i, f, o)

    def initial_state(self, batch_size: int, **like: Any) -> FullGateRecurrenceLSTMState:
        zeros = torch.zeros(batch_size, self.hidden_size, **like)
        return FullGateRecurrenceLSTMState(zeros, zeros, zeros, zeros, zeros)
