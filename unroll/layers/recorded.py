"""Record what every recurrent layer of any network computes; the network needs no change.

T time, B batch, I input, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from unroll.cells import Cell, State
from unroll.engine import Recording
from unroll.layers.recurrent import Recurrent


@dataclass
class RecordedCall:
    """One call of a layer.

    Attributes:
        name: of the layer in the network, such as `stack.0`.
        layer: the layer.
        x: its inputs [T, B, I].
        state: its initial state, each field `[L*D, B, ...]`, or None.
        lengths: [B], or None.
        records: L*D recordings, in torch's order.
        output: its outputs [T, B, ...]; empty until the call has returned.
    """

    name: str
    layer: Recurrent
    x: Tensor
    state: State | None
    lengths: Tensor | None
    records: list[Recording]
    output: Tensor = field(default_factory=lambda: torch.empty(0))

    @property
    def alive(self) -> Tensor:
        """Whether a step belongs to a sequence and not to its padding, bool [T, B]."""
        T, B = self.x.shape[:2]
        if self.lengths is None:
            return torch.ones(T, B, dtype=torch.bool, device=self.x.device)
        return torch.arange(T, device=self.x.device)[:, None] < self.lengths.to(self.x.device)

    def parts(self) -> list[tuple[str, Cell, Recording]]:
        """Each cell with its name for people and its recording."""
        names = part_names(self.name, self.layer)
        cells: list[Cell] = list(self.layer.cells)  # type: ignore[arg-type]
        return list(zip(names, cells, self.records, strict=True))


@contextmanager
def recorded(network: nn.Module, backend: str = "loop") -> Iterator[list[RecordedCall]]:
    """Record every call of every `Recurrent` in the network, within the block.

    When to use it: to look inside any network without changing it.

    Args:
        network: any module.
        backend: "loop" for a few calls; "auto" for many, because the first call then compiles.

    Yields:
        The calls, in their order; it grows within the block.

    Examples:
        >>> import torch, unroll
        >>> from unroll.layers.recorded import recorded
        >>> network = torch.nn.Sequential(unroll.Recurrent("gru", 3, 4))
        >>> with recorded(network) as calls:
        ...     _ = network(torch.randn(5, 2, 3))
        >>> calls[0].name, tuple(calls[0].records[0].values["update_gate"].shape)
        ('0', (5, 2, 4))
    """
    calls: list[RecordedCall] = []
    hooks = []

    def before(name: str, layer: Recurrent, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        records = [Recording() for _ in layer.cells]
        state = given.get("state", args[1] if len(args) > 1 else None)
        lengths = given.get("lengths")
        lengths = None if lengths is None else torch.as_tensor(lengths)
        calls.append(RecordedCall(name, layer, args[0], state, lengths, records))
        return args, {**given, "records": records, "backend": backend}

    def after(layer: Recurrent, args: tuple[Any, ...], given: dict[str, Any], result: Any) -> None:
        next(c for c in reversed(calls) if c.layer is layer).output = result[0]

    for name, layer in network.named_modules():
        if isinstance(layer, Recurrent):

            def before_named(layer: Any, args: Any, given: Any, name: str = name) -> Any:
                return before(name, layer, args, given)

            hooks.append(layer.register_forward_pre_hook(before_named, with_kwargs=True))
            hooks.append(layer.register_forward_hook(after, with_kwargs=True))
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def part_names(name: str, layer: Recurrent) -> list[str]:
    """Names for people of the cells of a layer: `layer 1`, `encoder 2 backward`.

    Args:
        name: of the layer in the network; layers of a stack count from 1.
        layer: the layer.
    """
    place, _, number = name.rpartition(".")
    if number.isdecimal():
        base = f"{'layer' if place in ('', 'stack') else place.replace('.', ' ')} {int(number) + 1}"
    else:
        base = name.replace(".", " ") or "layer"
    rows = [f" {l + 1}" for l in range(layer.num_layers)] if layer.num_layers > 1 else [""]
    ways = [" forward", " backward"] if layer.directions == 2 else [""]
    return [base + row + way for row in rows for way in ways]
