"""What a cell is: one step of a recurrent network, and nothing else.

Letters: B batch, I input, H hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from unroll.cells.state import State

AnyModule = TypeVar("AnyModule", bound=nn.Module)
_collect: ContextVar[Callable[[str, Tensor], None] | None] = ContextVar("collect", default=None)
_change: ContextVar[Callable[[str, Tensor], Tensor] | None] = ContextVar("change", default=None)


@dataclass(frozen=True)
class Noise:
    """Random numbers that a cell declares: the engine draws them, the cell only uses them.

    Attributes:
        shape: the shape after the batch axis, such as `(hidden_size,)`; with `each="once"` the
            complete shape.
        kind: `"bernoulli"` (one with probability `keep`, else zero), `"normal"` or `"uniform"`.
        each: `"step"` draws `[T, B, *shape]`, new numbers in each step; `"call"` draws
            `[B, *shape]` once per call; `"once"` draws `[*shape]` once per call for the whole
            batch, as the mask of a weight must be.
        keep: the probability of a one; only for `"bernoulli"`.
    """

    shape: tuple[int, ...]
    kind: Literal["bernoulli", "normal", "uniform"] = "bernoulli"
    each: Literal["step", "call", "once"] = "step"
    keep: float = 1.0


class Cell(nn.Module):
    """One step of a recurrent network, written the way the paper writes it.

    When to use it: subclass it for a cell of your own, then run it over time with
    `unroll.unroll(cell, x)` or stack it with `unroll.Recurrent(YourCell, I, H)`.

    A subclass sets `input_size` and `hidden_size`, makes its parameters, and defines

        forward(x, state) -> (output, new_state)     # x [B, I], output [B, output_size]

    with `state` a tensor `[B, H]`, or a NamedTuple of tensors `[B, ...]`. The body is plain
    PyTorch: no loop over time, no lengths, no layers. A cell that declares `noise()` is called as
    `forward(x, state, noise)`, with `noise` a dict of the drawn tensors in training and `None` in
    eval mode.

    Examples:
        >>> import torch, unroll
        >>> class MinimalGatedCell(unroll.Cell):                    # Zhou et al. 2016
        ...     def __init__(self, input_size, hidden_size):
        ...         super().__init__(input_size, hidden_size)
        ...         self.forget = torch.nn.Linear(input_size + hidden_size, hidden_size)
        ...         self.candidate = torch.nn.Linear(input_size + hidden_size, hidden_size)
        ...     def forward(self, x, h):
        ...         f = torch.sigmoid(self.forget(torch.cat([x, h], 1)))
        ...         n = torch.tanh(self.candidate(torch.cat([x, f * h], 1)))
        ...         h = (1 - f) * h + f * n
        ...         return h, h
        >>> output, last = unroll.unroll(MinimalGatedCell(3, 4), torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(last.shape)
        ((5, 2, 4), (2, 4))
    """

    input_size: int
    hidden_size: int

    def __init__(self, input_size: int | None = None, hidden_size: int | None = None) -> None:
        super().__init__()
        if input_size is not None:
            self.input_size = input_size
        if hidden_size is not None:
            self.hidden_size = hidden_size

    @property
    def output_size(self) -> int:
        """O, the width of the output; `hidden_size` unless the cell sets it."""
        return self.__dict__.get("_output_size", self.hidden_size)

    @output_size.setter
    def output_size(self, size: int) -> None:
        self.__dict__["_output_size"] = size

    def step(self, x: Tensor, state: State, *noise: Any) -> tuple[Tensor, State]:
        """One step, as the engine calls it.

        It is `forward`, except for the cells that keep torch's signature in `forward`.

        Args:
            x: the inputs [B, I].
            state: the state before the step, a tensor [B, H] or a NamedTuple of tensors [B, ...].
            noise: the drawn random numbers, for a cell that declares some.

        Returns:
            The output [B, output_size] and the new state, in the form of the old one.
        """
        return self(x, state, *noise)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw every parameter again, uniform in +-1/sqrt(H) as torch's cells do.

        A cell whose paper asks for something else overrides this.
        """
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(self.hidden_size**-0.5), self.hidden_size**-0.5)

    def initial_state(
        self,
        batch_size: int,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> State:
        """The state before the first step: zeros `[B, H]` unless the paper says otherwise.

        Args:
            batch_size: B.
            dtype: of the fields of floating point; torch's default where None.
            device: of all fields; torch's default where None."""
        return torch.zeros(batch_size, self.hidden_size, dtype=dtype, device=device)

    def noise(self) -> dict[str, Noise]:
        """The random numbers that this cell needs in training, by name; empty by default."""
        return {}

    def tap(self, **values: Tensor) -> Any:
        """Name values of this step, so that a recording can show them; it returns them unchanged.

        A wrapper around the cell may replace a named value.

        Args:
            values: tensors by name, such as `forget_gate=f`.

        Returns:
            The value, or a tuple of the values where there are several.
        """
        change = _change.get()
        if change is not None:
            values = {name: change(name, value) for name, value in values.items()}
        collect = _collect.get()
        if collect is not None:
            for name, value in values.items():
                collect(name, value)
        return next(iter(values.values())) if len(values) == 1 else tuple(values.values())


@contextmanager
def collecting_taps(collect: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Context in which every `tap` of every cell also calls `collect(name, value)`.

    Args:
        collect: called with the name and the value of each tap: [B, ...] in a step, [T, B, ...]
            in a parallel form.
    """
    token = _collect.set(collect)
    try:
        yield
    finally:
        _collect.reset(token)


@contextmanager
def changing_taps(change: Callable[[str, Tensor], Tensor]) -> Iterator[None]:
    """Context in which every `tap` of every cell returns `change(name, value)` for each value.

    Where two such contexts nest, the inner one changes a value first.

    Args:
        change: called with the name and the value of each tap, [B, ...] in a step; returns the
            tensor that replaces the value.
    """
    outer = _change.get()

    def both(name: str, value: Tensor) -> Tensor:
        """A tapped value [B, ...], changed by this context and then by the outer one."""
        value = change(name, value)
        return value if outer is None else outer(name, value)

    token = _change.set(both)
    try:
        yield
    finally:
        _change.reset(token)


def shallow_copy(module: AnyModule) -> AnyModule:
    """A copy of a module that shares its tensors but has its own dictionaries of them.

    `functional_call` puts other tensors into a module for a moment; the copy keeps them from other
    threads.
    """
    other = module.__new__(type(module))
    other.__dict__.update(module.__dict__)
    for name in ("_parameters", "_buffers"):
        other.__dict__[name] = dict(module.__dict__[name])
    other.__dict__["_modules"] = {
        name: None if child is None else shallow_copy(child)
        for name, child in module._modules.items()
    }
    return other
