"""A recurrent forecaster: one network for all series of a table.

H history, K horizon, B batch, I inputs a step, F of them known ahead, U units, P numbers a step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn, tanh

from unroll.cells import State
from unroll.layers import Recurrent
from unroll.layers.locked_dropout import LockedDropout
from unroll.models.initialisation import initialise_layers
from unroll.tasks.forecast.likelihoods import Point, likelihood

if TYPE_CHECKING:
    from unroll.tasks.forecast.windows import WindowBatch


@dataclass(frozen=True)
class Reading:
    """Where the target stands among the inputs of a step, for a head that reads its own forecasts
    back. level: the place of its level, or None. change: that of its change. known: how many inputs
    at the end are known ahead. relative_to: last, season or mean."""

    level: int | None
    change: int
    known: int
    relative_to: str = "last"


class Forecaster(nn.Module):
    """The next K values of a series, relative to what a naive forecast says.

        h_t = stack(x_t, h_{t-1})                          over the history
        direct     f_k = C tanh(A h + D future_k + e_k) + S_k x
                                                           every step from the last state and input
        recursive  f_k = C h_{k-1}, and h_k = stack(x_k, h_{k-1}) reads what f_k says
        linear     f = C [h, x, future_1 .. future_K]      what a read-out in closed form solves
        forecast_k = base_k + scale * f_k

    C and S start at zero, so the forecast starts as the naive one. A recursive head is relative to its
    own last step where base is the last value.

    Args:
        inputs: I. known: F. horizon: K. hidden_size: U of each of num_layers layers.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        head: direct, recursive or linear. loss: as `likelihoods.likelihood` takes it, with levels.
        reading: for the recursive head.
        series, embedding_size: how many series there are, and numbers of each that are learned and
            read at every step; 0: none.
        dropout: locked dropout between layers and on the state that the head reads.

    Raises: ValueError for a recursive head without a reading.
    """

    def __init__(
        self,
        inputs: int,
        known: int,
        horizon: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        cell: str | Callable[[int, int], nn.Module] = "lstm",
        head: str = "direct",
        loss: str = "quantile",
        levels: tuple[float, ...] = (0.1, 0.5, 0.9),
        reading: Reading | None = None,
        series: int = 0,
        embedding_size: int = 0,
        dropout: float = 0.0,
        initialisation: str = "auto",
    ) -> None:
        super().__init__()
        if head == "recursive" and reading is None:
            raise ValueError("A recursive head needs a reading: where the target stands in x.")
        self.horizon, self.head, self.reading = horizon, head, reading
        self.known = known
        self.embedding = (
            nn.Embedding(series + 1, embedding_size, padding_idx=0) if embedding_size else None
        )
        self.stack = nn.ModuleList()
        width = inputs + embedding_size
        for _ in range(num_layers):
            layer = Recurrent(cell, width, hidden_size)
            self.stack.append(layer)
            width = layer.output_size
        self.drop = LockedDropout(dropout)
        self.likelihood = likelihood(loss, horizon, levels)
        P = self.likelihood.size
        if head == "linear":
            self.readout = nn.Linear(width + inputs + known * horizon, horizon)
        elif head == "direct":
            self.state = nn.Linear(width, hidden_size)
            self.future = nn.Linear(known, hidden_size, bias=False) if known else None
            self.steps = nn.Parameter(torch.zeros(horizon, 1, hidden_size))
            self.readout = nn.Linear(hidden_size, P)
            self.skip = nn.Linear(inputs, horizon * P, bias=False)
        else:
            self.readout = nn.Linear(width, P)
        self.initialised = self._initialise(initialisation)

    def forward(self, batch: WindowBatch) -> tuple[Tensor, Tensor]:
        """The network's numbers [K, B, P] and what they are relative to [K, B], both in the unit of
        the series' changes (`batch.scale`)."""
        h, states = self._read(self._with_series(batch.x, batch.series), None)
        last = self.drop(h[-1:])[0]
        base = batch.base / batch.scale
        if self.head == "linear":
            return self.readout(self.features(batch, last)).T[..., None], base
        if self.head == "direct":
            z = self.state(last) + self.steps
            if self.future is not None:
                z = z + self.future(batch.future)
            skip = self.skip(batch.x[-1]).unflatten(1, (self.horizon, -1)).transpose(0, 1)
            return self.readout(self.drop(tanh(z))) + skip, base
        return self._recursive(batch, last, states, base)

    def loss(self, batch: WindowBatch) -> Tensor:
        """Summed over the values that are known."""
        f, base = self(batch)
        y = batch.y / batch.scale - base
        return self.likelihood.loss(f, y)[batch.weight].sum()

    def quantiles(self, batch: WindowBatch) -> Tensor:
        """Scaled forecasts [K, B, Q]."""
        f, base = self(batch)
        return (self.likelihood.quantiles(f) + base[..., None]) * batch.scale[:, None]

    def features(self, batch: WindowBatch, last: Tensor | None = None) -> Tensor:
        """What a linear read-out reads, [B, U + I + K F]. last: the state [B, U], where known."""
        if last is None:
            last = self._read(self._with_series(batch.x, batch.series), None)[0][-1]
        future = batch.future.transpose(0, 1).flatten(1)
        return torch.cat([last, batch.x[-1], future], 1)

    def learn_errors(self, parts: list[WindowBatch]) -> None:
        """The quantiles of a point forecast, from its errors on windows not trained on."""
        if not isinstance(self.likelihood, Point):
            return
        rows = []
        for batch in parts:
            f, base = self(batch)
            rows.append((f, batch.y / batch.scale - base, batch.weight))
        f, y, weight = (torch.cat(part, 1) for part in zip(*rows, strict=True))
        self.likelihood.learn_errors(f, y, weight)

    def _recursive(
        self, batch: WindowBatch, last: Tensor, states: list[State], base: Tensor
    ) -> tuple[Tensor, Tensor]:
        reading = self.reading
        x, now = batch.x[-1], batch.last / batch.scale
        found, bases = [], []
        h = last
        for k in range(self.horizon):
            f = self.readout(h)
            under = now if reading and reading.relative_to == "last" else base[k]
            found.append(f)
            bases.append(under)
            if k + 1 == self.horizon:
                break
            value = under + self.likelihood.centre(f)
            x = self._next_input(x, value - now, value * batch.scale, batch.future[k + 1])
            now = value
            top, states = self._read(self._with_series(x[None], batch.series), states)
            h = self.drop(top)[0]
        return torch.stack(found), torch.stack(bases)

    def _next_input(self, x: Tensor, change: Tensor, level: Tensor, ahead: Tensor) -> Tensor:
        """The inputs after a forecast: its change and level; what else was read stays as it was."""
        reading = self.reading
        columns = list(x.unbind(1))
        if reading is not None:
            columns[reading.change] = change
            if reading.level is not None:
                columns[reading.level] = level
        if self.known:
            columns[-self.known :] = list(ahead.unbind(1))
        return torch.stack(columns, 1)

    def _with_series(self, x: Tensor, series: Tensor) -> Tensor:
        if self.embedding is None:
            return x
        e: Tensor = self.embedding(series)
        return torch.cat([x, e.expand(len(x), -1, -1)], -1)

    def _read(self, x: Tensor, states: list[State] | None) -> tuple[Tensor, list[State]]:
        """The top layer's outputs [T, B, U], and each layer's state."""
        last = []
        for k, layer in enumerate(self.stack):
            x, state = layer(self.drop(x) if k else x, None if states is None else states[k])
            last.append(state)
        return x, last

    def _initialise(self, name: str) -> str:
        said = initialise_layers(self.stack, name)
        nn.init.zeros_(self.readout.weight)
        nn.init.zeros_(self.readout.bias)
        if self.head == "direct":
            nn.init.zeros_(self.skip.weight)
        return said
