"""What one call of the engine asks for, as every backend receives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from unroll.cells import Cell, State

if TYPE_CHECKING:
    from unroll.engine.record import Recording


@dataclass(frozen=True)
class Call:
    """One cell over one sequence batch, checked.

    x: [T, B, I]. state: before the first step read. lengths: [B] int64 on x's device, or None
    for all T. resets: bool [T, B] or None. parameters: tensors to use in place of the cell's own,
    by name, or None. record: filled while running, or None. noise: what was drawn for it, as
    `draw_noise` gives it, or None: to be drawn. notes: what a backend found out when it was asked,
    for when it runs.
    """

    cell: Cell
    x: Tensor
    state: State
    lengths: Tensor | None
    resets: Tensor | None
    reverse: bool
    parameters: Mapping[str, Tensor] | None
    record: Recording | None
    noise: dict[str, tuple[str, Tensor]] | None = None
    notes: dict[str, Any] = field(default_factory=dict, compare=False)
