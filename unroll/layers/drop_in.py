"""RNN, LSTM and GRU: torch.nn's own classes, with what they refuse.

They are torch's modules by inheritance: arguments, defaults, parameters, state_dict, errors and
numbers. Added behind the `*` of `forward`: lengths on any device (zero allowed), resets,
recordings, the choice of a backend and bounded memory; and `stepper` for one step at a time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unroll.cells import Cell, GRUCell, LSTMCell, LSTMState, ProjectedLSTMCell, RNNCell, State
from unroll.engine import Recording
from unroll.engine.backends import requested_backend
from unroll.engine.cpu import build
from unroll.engine.cpu.suited import unsuited
from unroll.engine.evidence import torch_is_faster
from unroll.engine.memory.bounded import requested_bound
from unroll.layers.input_forms import normalise_input
from unroll.layers.stack import Part, run_stack
from unroll.layers.stepper import Stepper


class DropIn(nn.RNNBase):
    """What RNN, LSTM and GRU share: torch's path where it can run, else the engine's."""

    _torch_class: type[nn.RNNBase]

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
        records: Sequence[Recording] | None = None,
        backend: str | None = None,
        memory: str | int | None = None,
        segment_length: int | Literal["auto"] | None = None,
    ) -> tuple[Any, Any]:
        asked = requested_backend(backend)
        plain = lengths is None and resets is None and records is None
        plain = plain and requested_bound(memory, segment_length) is None
        if plain and (asked == "torch" or (asked == "auto" and not self._compiles(input))):
            return self._torch_class.forward(self, input, hx)

        if hx is not None and isinstance(input, Tensor) and input.dim() == 2:
            check_unbatched(hx)
        inputs = normalise_input(input, hx, lengths, self.batch_first, type(self).__name__)
        self._check(inputs.x, inputs.state)
        state = LSTMState(*inputs.state) if isinstance(inputs.state, tuple) else inputs.state
        output, final = run_stack(
            self.parts(),
            inputs.x,
            state,
            lengths=inputs.lengths,
            resets=resets,
            dropout_between=self.dropout if self.training else 0.0,
            records=records,
            backend=backend,
            memory=memory,
            segment_length=segment_length,
        )
        out, last = inputs.restore_output(output, final)
        return out, tuple(last) if isinstance(last, tuple) else last

    def parts(self) -> list[list[Part]]:
        """Each layer's and direction's cell with this layer's parameters in it."""
        directions = ["", "_reverse"] if self.bidirectional else [""]
        rows = []
        for layer in range(self.num_layers):
            width = self.input_size if layer == 0 else self._width() * len(directions)
            cell = self._cell(width)
            names = [name for name, p in cell._parameters.items() if p is not None]
            rows.append(
                [
                    Part(cell, {n: getattr(self, f"{n}_l{layer}{d}") for n in names})
                    for d in directions
                ]
            )
        return rows

    def _compiles(self, input: Any) -> bool:
        """Whether compiled kernels are the faster way; else torch runs its own forward, whole."""
        if type(input) is not Tensor or not input.is_cpu or input.dim() not in (2, 3):
            return False
        T, B = input.shape[0], 1
        if input.dim() == 3:
            T, B = input.shape[:2]
            if self.batch_first:
                T, B = B, T
        cell = self._cell(self.input_size)
        if torch_is_faster(type(cell), T, B, self.hidden_size):
            return False
        return unsuited(cell, input) is None and build.unavailable() is None

    def stepper(
        self, batch_size: int, state: Any = None, *, table: Tensor | None = None
    ) -> Stepper:
        """This layer one step at a time, for generation and streams; see `unroll.layers.Stepper`."""
        return Stepper(self.parts(), batch_size, state, table)

    def _width(self) -> int:
        return self.proj_size or self.hidden_size

    def _cell(self, input_size: int) -> Cell:
        """A cell without storage: the parameters are the layer's own."""
        raise NotImplementedError(f"{type(self).__name__} names no cell.")

    def _check(self, x: Tensor, state: State | None) -> None:
        """Torch's own checks of sizes, in torch's words, for the paths that are not torch's."""
        as_given = x.transpose(0, 1) if self.batch_first else x
        if state is None:
            self.check_input(as_given, None)
        else:
            self.check_forward_args(as_given, state, None)

    def __prepare_scriptable__(self) -> nn.RNNBase:
        """TorchScript compiles torch's own class; it gets that class with these parameters."""
        twin = self._torch_class.__new__(self._torch_class)
        twin.__dict__.update(self.__dict__)
        return twin


def check_unbatched(hx: Any) -> None:
    """One sequence without a batch axis wants states without one, as torch says it."""
    for state in hx if isinstance(hx, tuple) else (hx,):
        if state.dim() != 2:
            raise RuntimeError(
                f"For unbatched 2-D input, hx should also be 2-D but got {state.dim()}-D tensor"
            )


@functools.cache
def weightless(cell: Callable[..., Cell], *sizes: Any, **options: Any) -> Cell:
    """A cell without storage, the same one each time: the engine plans a cell only once."""
    return cell(*sizes, **options, device="meta")


class RNN(DropIn, nn.RNN):
    """The Elman layer, drop-in for `torch.nn.RNN`.

    When to use it: wherever torch.nn.RNN stands; also with `lengths=`, zero allowed, on any device.

    Equations: those of `unroll.RNNCell`, in each layer and direction.
    Args: those of torch.nn.RNN: input_size, hidden_size, num_layers=1, nonlinearity="tanh",
        bias=True, batch_first=False, dropout=0.0, bidirectional=False, device, dtype.
    Input: [T, B, I], [B, T, I] with batch_first, [T, I], or a PackedSequence; h0 [L*D, B, H].
    Keywords: lengths [B], resets bool [T, B], records (L*D `unroll.Recording`s), backend, memory
        or segment_length (see `unroll.bounded`).
    Output: outputs [T, B, D*H], zero past each length; h_n [L*D, B, H], each sequence's own last.
    Raises: what torch.nn.RNN raises.
    Source: torch.nn.RNN (https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html).

    Example:
        >>> import torch, unroll
        >>> output, h = unroll.RNN(3, 4)(torch.randn(5, 2, 3), lengths=[5, 0])
        >>> tuple(output.shape), bool((h[0, 1] == 0).all())
        ((5, 2, 4), True)
    """

    _torch_class = nn.RNN

    def _cell(self, input_size: int) -> Cell:
        return weightless(RNNCell, input_size, self.hidden_size, self.bias, self.nonlinearity)


class LSTM(DropIn, nn.LSTM):
    """The LSTM layer, drop-in for `torch.nn.LSTM`.

    When to use it: wherever torch.nn.LSTM stands; also with `lengths=`, zero allowed, on any device.

    Equations: those of `unroll.LSTMCell`, in each layer and direction.
    Args: those of torch.nn.LSTM: input_size, hidden_size, num_layers=1, bias=True,
        batch_first=False, dropout=0.0, bidirectional=False, proj_size=0, device, dtype.
    Input: [T, B, I], [B, T, I] with batch_first, [T, I], or a PackedSequence; (h0, c0), each
        [L*D, B, H] (h0 [L*D, B, P] where projected).
    Keywords: lengths [B], resets bool [T, B], records (L*D `unroll.Recording`s), backend, memory
        or segment_length (see `unroll.bounded`).
    Output: outputs [T, B, D*H], zero past each length; (h_n, c_n), each sequence's own last.
    Raises: what torch.nn.LSTM raises.
    Source: torch.nn.LSTM (https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html).

    Example:
        >>> import torch, unroll
        >>> layer = unroll.LSTM(3, 4, num_layers=2, bidirectional=True)
        >>> _ = layer.load_state_dict(torch.nn.LSTM(3, 4, 2, bidirectional=True).state_dict())
        >>> output, (h, c) = layer(torch.randn(5, 2, 3), lengths=[5, 2])
        >>> tuple(output.shape), tuple(h.shape)
        ((5, 2, 8), (4, 2, 4))
    """

    _torch_class = nn.LSTM

    def _cell(self, input_size: int) -> Cell:
        if self.proj_size:
            return weightless(
                ProjectedLSTMCell, input_size, self.hidden_size, self.bias, proj_size=self.proj_size
            )
        return weightless(LSTMCell, input_size, self.hidden_size, self.bias)


class GRU(DropIn, nn.GRU):
    """The GRU layer, drop-in for `torch.nn.GRU`.

    When to use it: wherever torch.nn.GRU stands; also with `lengths=`, zero allowed, on any device.

    Equations: those of `unroll.GRUCell`, in each layer and direction.
    Args: those of torch.nn.GRU: input_size, hidden_size, num_layers=1, bias=True,
        batch_first=False, dropout=0.0, bidirectional=False, device, dtype.
    Input: [T, B, I], [B, T, I] with batch_first, [T, I], or a PackedSequence; h0 [L*D, B, H].
    Keywords: lengths [B], resets bool [T, B], records (L*D `unroll.Recording`s), backend, memory
        or segment_length (see `unroll.bounded`).
    Output: outputs [T, B, D*H], zero past each length; h_n [L*D, B, H], each sequence's own last.
    Raises: what torch.nn.GRU raises.
    Source: torch.nn.GRU (https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html).

    Example:
        >>> import torch, unroll
        >>> output, h = unroll.GRU(3, 4, batch_first=True)(torch.randn(2, 5, 3))
        >>> tuple(output.shape), tuple(h.shape)
        ((2, 5, 4), (1, 2, 4))
    """

    _torch_class = nn.GRU

    def _cell(self, input_size: int) -> Cell:
        return weightless(GRUCell, input_size, self.hidden_size, self.bias)
