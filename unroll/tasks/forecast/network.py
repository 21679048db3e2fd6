"""A recurrent forecaster: one network for all series of a table.

T history, K horizon, B batch, I inputs per step, F of them known ahead, H hidden, P numbers per step
that the likelihood needs, Q quantiles.
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
from unroll.tasks.forecast.combination import Combination, Errors
from unroll.tasks.forecast.likelihoods import Point, likelihood

if TYPE_CHECKING:
    from unroll.tasks.forecast.windows import WindowBatch


@dataclass(frozen=True)
class TargetInputs:
    """Where the target is among the inputs of a step, for a head that reads its own forecasts back.

    Attributes:
        level: the place of its level, or None where the level is not read.
        change: the place of its change.
        known: how many inputs at the end are known ahead.
        relative_to: what forecasts are relative to: floor (the simple model), last, season or mean.
    """

    level: int | None
    change: int
    known: int
    relative_to: str = "last"


class ForecastNetwork(nn.Module):
    """The next K values of a series, relative to a naive forecast.

        h_t = stack(x_t, h_{t-1})                          over the history
        direct     f_k = C tanh(A h + D future_k + e_k) + S_k x
                                                           every step from the last state and input
        recursive  f_k = C h_{k-1}, h_k = stack(x_k, h_{k-1}), where x_k holds the forecast of f_k
        linear     f = C [h, x, future_1 .. future_K]      what a read-out in closed form solves
        forecast_k = base_k + scale * f_k

    base is the forecast of the simple model, or a naive one. C and S start at zero, so an untrained
    network gives just that. A recursive head is relative to its own last step where base is the last
    value.

    Args:
        inputs: I.
        known: F.
        horizon: K.
        hidden_size: H of each layer.
        num_layers: layers of the stack. Default: 1.
        cell: a name or a callable, as `unroll.Recurrent` takes it.
        head: direct, recursive or linear.
        loss: mse, mae, gaussian, student_t or quantile.
        levels: the quantiles to forecast, rising, 0.5 among them.
        target: where the target is among the inputs; a recursive head needs it.
        series: how many series have a learned embedding.
        embedding_size: numbers per series, which are read at every step. Default: 0, none.
        dropout: locked dropout between layers and on the state that the head reads.
        initialisation: as the setting.
        combined: whether base is a simple model, which the network is combined with.
        sizes_bands: whether each series has bands of its own size.

    Raises:
        ValueError: for a recursive head without `target`.
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
        target: TargetInputs | None = None,
        series: int = 0,
        embedding_size: int = 0,
        dropout: float = 0.0,
        initialisation: str = "auto",
        combined: bool = False,
        sizes_bands: bool = True,
    ) -> None:
        super().__init__()
        if head == "recursive" and target is None:
            raise ValueError(
                "A recursive head needs `target`: where the target is among the inputs."
            )
        self.horizon, self.head, self.target = horizon, head, target
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
        sizes = max(1, series) if sizes_bands else 1
        self.combination = Combination(horizon, levels, sizes) if combined else None
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
        """The network's numbers [K, B, P] and what they are relative to [K, B].

        Both are in the unit of the series' changes (`batch.scale`).
        """
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
        """The loss summed over the known values, a scalar."""
        f, base = self(batch)
        y = batch.y / batch.scale - base
        return self.likelihood.loss(f, y)[batch.weight].sum()

    def quantiles(self, batch: WindowBatch) -> Tensor:
        """Scaled forecasts [K, B, Q]."""
        f, base = self(batch)
        own = self.likelihood.quantiles(f)
        if self.combination is not None:
            own = self.combination(own, batch.recent, batch.series)
        return (own + base[..., None]) * batch.scale[:, None]

    def errors(self, parts: list[WindowBatch]) -> Errors:
        """The network's quantiles on windows, and the truth beside them."""
        own, truth = [], []
        for batch in parts:
            f, base = self(batch)
            own.append(self.likelihood.quantiles(f))
            truth.append(batch.y / batch.scale - base)
        return Errors(
            torch.cat(own, 1),
            torch.cat(truth, 1),
            torch.cat([batch.weight for batch in parts], 1),
            torch.cat([batch.recent for batch in parts]),
            torch.cat([batch.series for batch in parts]),
        )

    def features(self, batch: WindowBatch, last: Tensor | None = None) -> Tensor:
        """What a linear read-out reads [B, H + I + K F].

        Args:
            batch: the windows.
            last: the last state [B, H], where it is known.
        """
        if last is None:
            last = self._read(self._with_series(batch.x, batch.series), None)[0][-1]
        future = batch.future.transpose(0, 1).flatten(1)
        return torch.cat([last, batch.x[-1], future], 1)

    def learn_errors(self, parts: list[WindowBatch]) -> None:
        """Take the quantiles of a point forecast from its errors on windows not trained on.

        Other likelihoods give their own quantiles.
        """
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
        """Forecasts step by step, as `forward` returns them.

        Args:
            batch: the windows.
            last: the last state of the top layer [B, H].
            states: the last state of each layer.
            base: what forecasts are relative to [K, B].
        """
        target = self.target
        x, now = batch.x[-1], batch.last / batch.scale
        steps, bases = [], []
        h = last
        for k in range(self.horizon):
            f = self.readout(h)
            own_base = now if target and target.relative_to == "last" else base[k]
            steps.append(f)
            bases.append(own_base)
            if k + 1 == self.horizon:
                break
            value = own_base + self.likelihood.centre(f)
            x = self._next_input(x, value - now, value * batch.scale, batch.future[k + 1])
            now = value
            top, states = self._read(self._with_series(x[None], batch.series), states)
            h = self.drop(top)[0]
        return torch.stack(steps), torch.stack(bases)

    def _next_input(self, x: Tensor, change: Tensor, level: Tensor, ahead: Tensor) -> Tensor:
        """The inputs after a forecast: its change and level; other inputs keep their last value."""
        target = self.target
        columns = list(x.unbind(1))
        if target is not None:
            columns[target.change] = change
            if target.level is not None:
                columns[target.level] = level
        if self.known:
            columns[-self.known :] = list(ahead.unbind(1))
        return torch.stack(columns, 1)

    def _with_series(self, x: Tensor, series: Tensor) -> Tensor:
        """Inputs [T, B, I] with the embedding of each series [B]."""
        if self.embedding is None:
            return x
        e: Tensor = self.embedding(series)
        return torch.cat([x, e.expand(len(x), -1, -1)], -1)

    def _read(self, x: Tensor, states: list[State] | None) -> tuple[Tensor, list[State]]:
        """The top layer's outputs [T, B, H], and the state of each layer."""
        last = []
        for k, layer in enumerate(self.stack):
            x, state = layer(self.drop(x) if k else x, None if states is None else states[k])
            last.append(state)
        return x, last

    def _initialise(self, name: str) -> str:
        """Initialise the layers; the output starts at zero. Returns what was chosen, in words."""
        initialised = initialise_layers(self.stack, name)
        nn.init.zeros_(self.readout.weight)
        nn.init.zeros_(self.readout.bias)
        if self.head == "direct":
            nn.init.zeros_(self.skip.weight)
        return initialised
