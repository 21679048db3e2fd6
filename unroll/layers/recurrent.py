"""Any cell as a recurrent layer: stacked, bidirectional, with different lengths and carried state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unroll.cells import Cell, State, as_cell, cell_factory, map_state
from unroll.engine import Recording
from unroll.layers.exporting import exportable
from unroll.layers.initial_state import InitialState
from unroll.layers.input_forms import normalise_input
from unroll.layers.layer_page import layer_page
from unroll.layers.stack import Part, run_stack
from unroll.layers.stepper import Stepper


class Recurrent(nn.Module):
    """Any cell as a recurrent layer, with every option of `torch.nn.LSTM`.

    When to use it: for every cell that is not one of torch's three, and for those three by name.

    Args:
        cell: a name ("lstm", "gru", any that `unroll cells` lists), a class, or any
            `callable(input_size, hidden_size) -> Cell`; called once per layer and direction.
        input_size: I, the width of the inputs.
        hidden_size: H, the number of units.
        num_layers: L; each layer reads the outputs of the layer below.
        bidirectional: whether a second cell reads each sequence from its end (D = 2).
        batch_first: whether inputs and outputs are [B, T, ...]; states are not changed by it.
        dropout: probability of a zero on the outputs of each layer but the last, in training.

    Attributes:
        start: what the initial state is instead of the cell's own, wherever no state is given: an
            `unroll.layers.initial_state.InitialState`. None: the cell's own.

    Shapes:
        - input: [T, B, I], [B, T, I] with batch_first, [T, I], or a PackedSequence.
        - state: the cell's own structure, each field `[L*D, B, ...]` in torch's order (layer 0 forward,
              layer 0 backward, layer 1 forward, ...); the initial state where None.
        - lengths: true lengths [B], zero allowed; all T where None.
        - resets: bool [T, B]: true at t puts the initial state before step t.
        - records: L*D empty `unroll.Recording`s.
        - returns: outputs [T, B, D*output_size], zero past each length, and the final state, in the
              form of `state`.

    `backend`, `memory` and `segment_length` are those of `unroll.unroll` and `unroll.bounded`.

    Raises:
        ValueError: sizes are wrong, the name is unknown, or dropout is outside 0 <= p <= 1.

    Examples:
        >>> import torch, unroll
        >>> layer = unroll.Recurrent("gru", 3, 4, num_layers=2, bidirectional=True)
        >>> output, state = layer(torch.randn(5, 2, 3), lengths=[5, 3])
        >>> tuple(output.shape), tuple(state.shape)
        ((5, 2, 8), (4, 2, 4))
    """

    def __init__(
        self,
        cell: str | Callable[[int, int], nn.Module],
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        batch_first: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if input_size < 1 or hidden_size < 1:
            raise ValueError(
                f"Recurrent got input_size={input_size} and hidden_size={hidden_size}; expected at "
                "least 1 of each."
            )
        if num_layers < 1:
            raise ValueError(f"Recurrent got num_layers={num_layers}; expected at least 1.")
        if not 0 <= dropout <= 1:
            raise ValueError(f"Recurrent got dropout={dropout}; expected a probability, 0 to 1.")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.batch_first = batch_first
        self.dropout = dropout
        make = cell_factory(cell) if isinstance(cell, str) else cell
        self.cells = nn.ModuleList()
        width = input_size
        for _ in range(num_layers):
            layer = [as_cell(make(width, hidden_size)) for _ in range(self.directions)]
            self.cells.extend(layer)
            width = layer[0].output_size * self.directions
        self.output_size = width
        self.start: InitialState | None = None

    @property
    def directions(self) -> int:
        """D: 2 where bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @exportable
    def forward(
        self,
        input: Tensor | PackedSequence,
        state: State | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        resets: Tensor | None = None,
        records: Sequence[Recording] | None = None,
        backend: str | None = None,
        memory: str | int | None = None,
        segment_length: int | Literal["auto"] | None = None,
    ) -> tuple[Tensor | PackedSequence, State]:
        """Run the layer over a batch of sequences.

        Args:
            input: [T, B, I], [B, T, I] with batch_first, [T, I] for one sequence, or a PackedSequence.
            state: the cell's own structure, each field `[L*D, B, ...]`; without B for one sequence.
                Default: the initial state.
            lengths: true lengths [B], whole numbers from 0 to T. Default: all T.
            resets: bool [T, B]; true at t puts the initial state before step t. Default: never.
            records: `L*D` empty `unroll.Recording`s, one per layer and direction, filled with every
                step. Default: nothing is kept.
            backend: name of a backend, as `unroll.unroll` takes it. Default: that of the block around
                the call or of UNROLL_BACKEND, else "auto".
            memory: bytes, or a size such as "4GB"; see `unroll.bounded`. Default: no bound.
            segment_length: steps of a segment, or "auto"; see `unroll.bounded`. Default: no segments.

        Returns:
            Outputs `[T, B, D*output_size]`, zero past each length, in the form of the input; and the
            final state, in the form of `state`.

        Raises:
            ValueError: where a shape, a length, the state or the number of records is wrong, where the
                input has lengths of its own, or where memory and segment_length are both given.
            RuntimeError: where the requested backend cannot run the cell.
        """
        inputs = normalise_input(input, state, lengths, self.batch_first, "Recurrent")
        before = inputs.state
        if before is not None:
            map_state(self._check_rows, before)
        elif self.start is not None:
            x = inputs.x
            before = self.initial_state(x.shape[1], dtype=x.dtype, device=x.device)
        output, final = run_stack(
            self.parts(),
            inputs.x,
            before,
            lengths=inputs.lengths,
            resets=resets,
            dropout_between=self.dropout if self.training else 0.0,
            records=records,
            backend=backend,
            memory=memory,
            segment_length=segment_length,
        )
        return inputs.restore_output(output, final)

    if TYPE_CHECKING:

        @overload
        def __call__(
            self,
            input: Tensor,
            state: State | None = None,
            *,
            lengths: Tensor | Sequence[int] | None = None,
            resets: Tensor | None = None,
            records: Sequence[Recording] | None = None,
            backend: str | None = None,
            memory: str | int | None = None,
            segment_length: int | Literal["auto"] | None = None,
        ) -> tuple[Tensor, State]: ...

        @overload
        def __call__(
            self,
            input: PackedSequence,
            state: State | None = None,
            *,
            lengths: Tensor | Sequence[int] | None = None,
            resets: Tensor | None = None,
            records: Sequence[Recording] | None = None,
            backend: str | None = None,
            memory: str | int | None = None,
            segment_length: int | Literal["auto"] | None = None,
        ) -> tuple[PackedSequence, State]: ...

        def __call__(self, *given: Any, **options: Any) -> Any:
            """Run the layer; see `forward`."""

    def parts(self) -> list[list[Part]]:
        """One row per layer, in it one cell per direction."""
        cells: list[Cell] = list(self.cells)  # type: ignore[arg-type]
        D = self.directions
        return [[Part(c) for c in cells[l * D : (l + 1) * D]] for l in range(self.num_layers)]

    def initial_state(
        self,
        batch_size: int,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> State:
        """The state before the first step, each field `[L*D, B, ...]`.

        Args:
            batch_size: B.
            dtype: of the fields of floating point; torch's default where None.
            device: of all fields; torch's default where None."""
        states = [
            part.cell.initial_state(batch_size, dtype=dtype, device=device)
            for row in self.parts()
            for part in row
        ]
        stacked = map_state(lambda *s: torch.stack(s), *states)
        return stacked if self.start is None else self.start(stacked)

    def stepper(
        self, batch_size: int, state: State | None = None, *, table: Tensor | None = None
    ) -> Stepper:
        """This layer one step at a time, for generation and streams; see `unroll.layers.Stepper`.

        Args:
            batch_size: B.
            state: to start from, each field [L, B, ...]; the initial state where None.
            table: every possible input [V, I], for a model that reads symbols; steps then take
                their numbers [B]."""
        if state is None and self.start is not None:
            like = next(self.start.parameters(), torch.zeros(()))
            state = self.initial_state(batch_size, dtype=like.dtype, device=like.device)
        return Stepper(self.parts(), batch_size, state, table)

    def extra_repr(self) -> str:
        return (
            f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, "
            f"bidirectional={self.bidirectional}, batch_first={self.batch_first}, "
            f"dropout={self.dropout}"
        )

    def _repr_html_(self) -> str:
        return layer_page(self)

    def _check_rows(self, field: Tensor) -> Tensor:
        rows = self.num_layers * self.directions
        if field.dim() < 2 or len(field) != rows:
            raise ValueError(
                f"Recurrent got a state field of shape {list(field.shape)}; expected [L*D={rows}, "
                f"B, ...] because num_layers={self.num_layers} and "
                f"bidirectional={self.bidirectional}. Leave state out to start from the initial state."
            )
        return field
