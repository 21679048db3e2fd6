"""Run the layers and directions of a recurrent layer over a batch of sequences.

T time, B batch, L layers, D directions, H output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import dropout

from unroll.cells import Cell, State, map_state
from unroll.engine import Recording
from unroll.engine.call import checked_call
from unroll.engine.unrolling import bound_for, run_calls


@dataclass(frozen=True)
class Part:
    """One cell of a stack.

    Attributes:
        cell: the cell.
        parameters: tensors that replace its parameters, by name; None: its own."""

    cell: Cell
    parameters: Mapping[str, Tensor] | None = None


def run_stack(
    parts: Sequence[Sequence[Part]],
    x: Tensor,
    state: State | None,
    *,
    lengths: Tensor | Sequence[int] | None = None,
    resets: Tensor | None = None,
    dropout_between: float = 0.0,
    records: Sequence[Recording] | None = None,
    backend: str | None = None,
    memory: str | int | None = None,
    segment_length: int | Literal["auto"] | None = None,
) -> tuple[Tensor, State]:
    """Outputs `[T, B, D*H]` and final state, each field `[L*D, B, ...]` in torch's order.

    Args:
        parts: one row per layer, in it one part per direction.
        x: the inputs [T, B, I].
        state: each field `[L*D, B, ...]`; the initial state where None.
        lengths: true lengths [B]; all T where None.
        resets: bool [T, B], or None.
        dropout_between: the probability of a zero between layers; 0 in eval mode.
        records: L*D empty recordings, or None.
        backend: name of a backend; the current one where None.
        memory: as in `unroll.bounded`; the parts share it.
        segment_length: as in `unroll.bounded`.

    Raises:
        ValueError: the number of recordings is not L*D.
    """
    count = sum(len(row) for row in parts)
    if records is not None and len(records) != count:
        raise ValueError(
            f"The layer got {len(records)} records; expected L*D={count}, one per layer and direction."
        )
    bound = bound_for(records is not None, memory, segment_length)
    if bound is not None:
        bound = bound.shared(count)
    finals = []
    for layer, row in enumerate(parts):
        if layer and dropout_between:
            x = dropout(x, dropout_between)
        calls = []
        for direction, part in enumerate(row):
            k = layer * len(row) + direction
            calls.append(
                checked_call(
                    part.cell,
                    x,
                    None if state is None else map_state(lambda s, k=k: s[k], state),
                    lengths,
                    resets,
                    direction == 1,
                    None if records is None else records[k],
                    part.parameters,
                )
            )
        results = run_calls(calls, backend, bound)
        outputs = [output for output, _ in results]
        finals += [final for _, final in results]
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
    if len(finals) == 1:  # the same as stacking, and faster
        return x, map_state(lambda s: s.unsqueeze(0), finals[0])
    return x, map_state(lambda *s: torch.stack(s), *finals)
