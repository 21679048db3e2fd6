"""RNN, LSTM and GRU: torch.nn's own classes, with more options.

They inherit from torch's modules: arguments, defaults, parameters, state_dict, errors and numbers.
`forward` has further keywords: lengths on any device (zero allowed), resets, recordings, the choice
of a backend and bounded memory; `stepper` gives one step at a time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unroll.cells import Cell, GRUCell, LSTMCell, LSTMState, ProjectedLSTMCell, RNNCell, State
from unroll.engine import Recording
from unroll.engine.backends import requested_backend, warn_unbuilt
from unroll.engine.cpu import build
from unroll.engine.cpu.suited import unsuited
from unroll.engine.evidence import torch_is_faster
from unroll.engine.memory.bounded import requested_bound
from unroll.engine.torch_kernels import exports_to_onnx
from unroll.layers.exporting import exportable
from unroll.layers.input_forms import normalise_input
from unroll.layers.layer_page import layer_page
from unroll.layers.stack import Part, run_stack
from unroll.layers.stepper import Stepper

S = TypeVar("S")


class LayerCall(Protocol[S]):
    """How a layer with states of the type S is called, for type checkers; see `DropIn.forward`."""

    @overload
    def __call__(
        self,
        input: Tensor,
        hx: S | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
        records: Sequence[Recording] | None = None,
        backend: str | None = None,
        memory: str | int | None = None,
        segment_length: int | Literal["auto"] | None = None,
    ) -> tuple[Tensor, S]: ...

    @overload
    def __call__(
        self,
        input: PackedSequence,
        hx: S | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
        records: Sequence[Recording] | None = None,
        backend: str | None = None,
        memory: str | int | None = None,
        segment_length: int | Literal["auto"] | None = None,
    ) -> tuple[PackedSequence, S]: ...


class DropIn(nn.RNNBase):
    """The base of RNN, LSTM and GRU: torch's path where it can run, else the engine's."""

    _torch_class: type[nn.RNNBase]

    @exportable
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
        """Run the layer over a batch of sequences, as torch's own class does.

        Args:
            input: [T, B, I], [B, T, I] with batch_first, [T, I] for one sequence, or a PackedSequence.
            hx: the first state h `[L*D, B, H]`, and for LSTM the tuple of h and c; without B for one
                sequence. Default: zeros.
            lengths: true lengths [B], whole numbers from 0 to T. Default: all T.
            resets: bool [T, B]; true at t puts the initial state before step t. Default: never.
            records: `L*D` empty `unroll.Recording`s, one per layer and direction, filled with every
                step. Default: nothing is kept.
            backend: name of a backend, as `unroll.unroll` takes it. Default: that of the block around
                the call or of UNROLL_BACKEND, else "auto".
            memory: bytes, or a size such as "4GB"; see `unroll.bounded`. Default: no bound.
            segment_length: steps of a segment, or "auto"; see `unroll.bounded`. Default: no segments.

        Returns:
            Outputs `[T, B, D*H]`, zero past each length, in the form of the input; and the last state,
            in the form of `hx`. With proj_size, P in place of H in outputs and h.

        Raises:
            ValueError: where lengths, resets or the number of records are wrong, where the input has
                lengths of its own, or where memory and segment_length are both given.
            RuntimeError: where sizes are wrong, with torch's messages, or where the requested backend
                cannot run the cell.
        """
        asked = requested_backend(backend)
        plain = lengths is None and resets is None and records is None
        plain = plain and requested_bound(memory, segment_length) is None
        plain = plain and not (self.proj_size and exports_to_onnx())
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
        """One row per layer, in it one cell per direction with this layer's parameters."""
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
        """Whether compiled kernels are faster; otherwise torch runs its own forward."""
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
        if unsuited(cell, input) is not None:
            return False
        if build.unavailable() is not None:
            warn_unbuilt()
            return False
        return True

    def stepper(
        self, batch_size: int, state: Any = None, *, table: Tensor | None = None
    ) -> Stepper:
        """This layer one step at a time, for generation and streams; see `unroll.layers.Stepper`.

        Args:
            batch_size: B.
            state: to start from, each field [L, B, ...]; the initial state where None.
            table: every possible input [V, I], for a model that reads symbols; steps then take
                their numbers [B]."""
        return Stepper(self.parts(), batch_size, state, table)

    def _repr_html_(self) -> str:
        return layer_page(self)

    def _width(self) -> int:
        return self.proj_size or self.hidden_size

    def _cell(self, input_size: int) -> Cell:
        """A cell without storage; the parameters are the layer's."""
        raise NotImplementedError(f"{type(self).__name__} names no cell.")

    def _check(self, x: Tensor, state: State | None) -> None:
        """Run torch's own checks of sizes, with torch's messages, for the paths that are not torch's."""
        as_given = x.transpose(0, 1) if self.batch_first else x
        if state is None:
            self.check_input(as_given, None)
        else:
            self.check_forward_args(as_given, state, None)

    def __prepare_scriptable__(self) -> nn.RNNBase:
        """Give TorchScript, which compiles torch's own class, that class with these parameters."""
        twin = self._torch_class.__new__(self._torch_class)
        twin.__dict__.update(self.__dict__)
        return twin


def check_unbatched(hx: Any) -> None:
    """Check that the states of one sequence without a batch axis have none either, as torch does.

    Args:
        hx: a state `[L*D, H]`, or a tuple of states.

    Raises:
        RuntimeError: where a state is not 2-D.
    """
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

    When to use it: in place of torch.nn.RNN; also with `lengths=`, zero allowed, on any device.

    Equations: those of `unroll.RNNCell`, in each layer and direction.

    Source: torch.nn.RNN (https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        num_layers: L; each layer reads the outputs of the layer below.
        nonlinearity: "tanh" or "relu".
        bias: whether the biases exist.
        batch_first: whether inputs and outputs are [B, T, ...]; states are not changed by it.
        dropout: probability of a zero on the outputs of each layer but the last, in training.
        bidirectional: whether a second direction reads each sequence from its end (D = 2).
        device: where the parameters are made.
        dtype: of the parameters.

    Shapes:
        - input: [T, B, I], [B, T, I] with batch_first, [T, I], or a PackedSequence.
        - hx: h0 `[L*D, B, H]`; zeros where None.
        - lengths: true lengths [B], zero allowed; all T where None.
        - resets: bool [T, B]: true at t puts the initial state before step t.
        - records: L*D empty `unroll.Recording`s.
        - returns: outputs `[T, B, D*H]`, zero past each length, and h_n `[L*D, B, H]`, each sequence's own
              last state.

    `backend`, `memory` and `segment_length` are those of `unroll.unroll` and `unroll.bounded`.

    Raises:
        RuntimeError: from torch.nn.RNN, for wrong sizes.
        ValueError: from torch.nn.RNN, for wrong options; or lengths do not fit the input.

    Examples:
        >>> import torch, unroll
        >>> output, h = unroll.RNN(3, 4)(torch.randn(5, 2, 3), lengths=[5, 0])
        >>> tuple(output.shape), bool((h[0, 1] == 0).all())
        ((5, 2, 4), True)
    """

    _torch_class = nn.RNN
    if TYPE_CHECKING:
        __call__: LayerCall[Tensor]

    def _cell(self, input_size: int) -> Cell:
        return weightless(RNNCell, input_size, self.hidden_size, self.bias, self.nonlinearity)


class LSTM(DropIn, nn.LSTM):
    """The LSTM layer, drop-in for `torch.nn.LSTM`.

    When to use it: in place of torch.nn.LSTM; also with `lengths=`, zero allowed, on any device.

    Equations: those of `unroll.LSTMCell`, in each layer and direction.

    Source: torch.nn.LSTM (https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        num_layers: L; each layer reads the outputs of the layer below.
        bias: whether the biases exist.
        batch_first: whether inputs and outputs are [B, T, ...]; states are not changed by it.
        dropout: probability of a zero on the outputs of each layer but the last, in training.
        bidirectional: whether a second direction reads each sequence from its end (D = 2).
        proj_size: P, the width of a projected h; 0 for none.
        device: where the parameters are made.
        dtype: of the parameters.

    Shapes:
        - input: [T, B, I], [B, T, I] with batch_first, [T, I], or a PackedSequence.
        - hx: (h0, c0), each `[L*D, B, H]` (h0 `[L*D, B, P]` where projected); zeros where None.
        - lengths: true lengths [B], zero allowed; all T where None.
        - resets: bool [T, B]: true at t puts the initial state before step t.
        - records: L*D empty `unroll.Recording`s.
        - returns: outputs `[T, B, D*H]` (`[T, B, D*P]` where projected), zero past each length, and
              (h_n, c_n), each sequence's own last state.

    `backend`, `memory` and `segment_length` are those of `unroll.unroll` and `unroll.bounded`.

    Raises:
        RuntimeError: from torch.nn.LSTM, for wrong sizes.
        ValueError: from torch.nn.LSTM, for wrong options; or lengths do not fit the input.

    Examples:
        >>> import torch, unroll
        >>> layer = unroll.LSTM(3, 4, num_layers=2, bidirectional=True)
        >>> _ = layer.load_state_dict(torch.nn.LSTM(3, 4, 2, bidirectional=True).state_dict())
        >>> output, (h, c) = layer(torch.randn(5, 2, 3), lengths=[5, 2])
        >>> tuple(output.shape), tuple(h.shape)
        ((5, 2, 8), (4, 2, 4))
    """

    _torch_class = nn.LSTM
    if TYPE_CHECKING:
        __call__: LayerCall[tuple[Tensor, Tensor]]

    def _cell(self, input_size: int) -> Cell:
        if self.proj_size:
            return weightless(
                ProjectedLSTMCell, input_size, self.hidden_size, self.bias, proj_size=self.proj_size
            )
        return weightless(LSTMCell, input_size, self.hidden_size, self.bias)


class GRU(DropIn, nn.GRU):
    """The GRU layer, drop-in for `torch.nn.GRU`.

    When to use it: in place of torch.nn.GRU; also with `lengths=`, zero allowed, on any device.

    Equations: those of `unroll.GRUCell`, in each layer and direction.

    Source: torch.nn.GRU (https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html).

    Args:
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        num_layers: L; each layer reads the outputs of the layer below.
        bias: whether the biases exist.
        batch_first: whether inputs and outputs are [B, T, ...]; states are not changed by it.
        dropout: probability of a zero on the outputs of each layer but the last, in training.
        bidirectional: whether a second direction reads each sequence from its end (D = 2).
        device: where the parameters are made.
        dtype: of the parameters.

    Shapes:
        - input: [T, B, I], [B, T, I] with batch_first, [T, I], or a PackedSequence.
        - hx: h0 `[L*D, B, H]`; zeros where None.
        - lengths: true lengths [B], zero allowed; all T where None.
        - resets: bool [T, B]: true at t puts the initial state before step t.
        - records: L*D empty `unroll.Recording`s.
        - returns: outputs `[T, B, D*H]`, zero past each length, and h_n `[L*D, B, H]`, each sequence's own
              last state.

    `backend`, `memory` and `segment_length` are those of `unroll.unroll` and `unroll.bounded`.

    Raises:
        RuntimeError: from torch.nn.GRU, for wrong sizes.
        ValueError: from torch.nn.GRU, for wrong options; or lengths do not fit the input.

    Examples:
        >>> import torch, unroll
        >>> output, h = unroll.GRU(3, 4, batch_first=True)(torch.randn(2, 5, 3))
        >>> tuple(output.shape), tuple(h.shape)
        ((2, 5, 4), (1, 2, 4))
    """

    _torch_class = nn.GRU
    if TYPE_CHECKING:
        __call__: LayerCall[Tensor]

    def _cell(self, input_size: int) -> Cell:
        return weightless(GRUCell, input_size, self.hidden_size, self.bias)
