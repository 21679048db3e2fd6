"""Windows of series: a history to read, a horizon to forecast, and no way to see past the origin.

N steps of all series one after another, T history, B batch, K horizon, I inputs per step, D of the
past, F known ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from unroll.tasks.forecast.floor import FloorForecasts
from unroll.tasks.forecast.prepared_series import prepare_series
from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.tasks.forecast.scales import Scale
from unroll.tasks.forecast.series import Series, SeriesTable


@dataclass(frozen=True)
class WindowBatch:
    """Windows side by side; all values are scaled.

    Attributes:
        x: inputs of the history [T, B, I]: levels, changes, and what is known of the next step.
        future: what is known ahead of the steps to forecast [K, B, F].
        base: what forecasts are relative to [K, B].
        last: the last value [B].
        scale: the size of a usual change from step to step [B].
        y: the truth [K, B].
        weight: where the truth is known, bool [K, B].
        series: numbers of the series from 1 [B]; 0 for an unseen series.
        recent: the size of the last errors of the simple model, in usual changes [B]; 1 without it.
    """

    x: Tensor
    future: Tensor
    base: Tensor
    last: Tensor
    scale: Tensor
    y: Tensor
    weight: Tensor
    series: Tensor
    recent: Tensor

    @property
    def tokens(self) -> int:
        """How many known values are forecast."""
        return int(self.weight.sum())

    def to(self, device: torch.device | str) -> WindowBatch:
        """The same batch on a device."""
        return WindowBatch(*(getattr(self, f.name).to(device) for f in fields(self)))


class ForecastWindows:
    """Every window of the series of a table.

    The series follow one another; an origin is the place of the last value that a forecast may
    read. Missing values of the past are filled with the last known value, or on a straight line
    where `interpolate` is true and the value at its other end lies no later than the origin; those
    of columns that are known ahead are filled on any straight line.

    Args:
        table: the series.
        preprocessor: how they become numbers.
        history: T, steps that a forecast reads.
        horizon: K, steps to forecast.
        relative_to: what forecasts are relative to without a simple model: last, season or mean.
        interpolate: whether gaps are filled on straight lines.

    Attributes:
        values: the target in its own unit [N], NaN where missing.
        filled: the target in its own unit [N], with the last known value where missing.
        times: [N].
        target: the scaled target [N], NaN where missing.
        forward_filled: scaled inputs of the past, filled with the last known value [N, D].
        starts: the place of the first step of each series.
        ends: the place after the last known target of each series.
        series_of: the series of each step [N].
        first: steps of a series before its first origin.
        first_values: the first value of each series.
        earlier: how many steps before its start that value lies.
        naive_error: the error of the seasonal naive forecast in training, of each series (for MASE).
    """

    def __init__(
        self,
        table: SeriesTable,
        preprocessor: ForecastPreprocessor,
        history: int,
        horizon: int,
        *,
        relative_to: str = "last",
        interpolate: bool = False,
    ) -> None:
        self.table, self.preprocessor = table, preprocessor
        self.history, self.horizon = history, horizon
        self.relative_to, self.interpolate = relative_to, interpolate
        self.first = max(history, preprocessor.season)
        scales = [self._scale(one) for one in table.series]
        parts = [
            prepare_series(one, table, preprocessor, scale, horizon, interpolate)
            for one, scale in zip(table.series, scales, strict=True)
        ]
        sizes = [len(part.values) for part in parts]
        self.starts = np.cumsum([0, *sizes[:-1]])
        self.ends = self.starts + [len(one) for one in table.series]
        self.series_of = np.repeat(np.arange(len(parts)), sizes)
        self.values = np.concatenate([part.values for part in parts])
        self.filled = np.concatenate([part.filled for part in parts])
        self.times = np.concatenate([part.times for part in parts])
        self._offsets = np.concatenate([part.offsets for part in parts])
        self.target = np.concatenate([part.target for part in parts])
        self.forward_filled = np.concatenate([part.forward_filled for part in parts])
        self._interpolated = np.concatenate([part.interpolated for part in parts])
        next_known = [p.next_known + start for p, start in zip(parts, self.starts, strict=True)]
        self._next_known = np.concatenate(next_known)
        self._ahead = np.concatenate([part.ahead for part in parts])

        numbers = {name: k + 1 for k, name in enumerate(preprocessor.names)}
        self._numbers = np.array([numbers.get(one.name, 0) for one in table.series])
        self._mean = np.array([s.mean[0] for s in scales])
        self._deviation = np.array([s.deviation[0] for s in scales])
        self._change = np.array([s.change[0] for s in scales]) / self._deviation
        firsts = [one.first for one in table.series]
        self.first_values = np.where(np.isnan(firsts), self.filled[self.starts], firsts)
        self.earlier = np.array([one.earlier for one in table.series])
        self.naive_error = np.array([s.naive_error for s in scales])
        self._floor_forecasts: np.ndarray | None = None  # those that were asked for [N, K + 1]
        self._choose_inputs(scales)

    @property
    def names(self) -> list[str]:
        """The names of the series."""
        return [one.name for one in self.table.series]

    @property
    def season_steps(self) -> int:
        """Steps of a season."""
        return self.preprocessor.season

    @property
    def turn_count(self) -> int:
        """How many inputs at the end are of the calendar."""
        return self.preprocessor.turn_count

    @property
    def level_count(self) -> int:
        """How many inputs of a step are levels; they are the first ones."""
        return self.preprocessor.level_count

    def format_time(self, place: int) -> str:
        """The time of a step as text, as the table writes it."""
        offset = float(self._offsets[place])
        return self.table.format_time(
            float(self.times[place]), None if np.isnan(offset) else offset
        )

    def origins(self, begins: list[int] | None = None, ends: list[int] | None = None) -> np.ndarray:
        """Places of the origins whose forecasts lie in steps begins[k] to ends[k] of series k."""
        found = []
        for k, one in enumerate(self.table.series):
            begin = self.first if begins is None else max(self.first, begins[k] - 1)
            end = (len(one) if ends is None else min(ends[k], len(one))) - self.horizon
            found.append(self.starts[k] + np.arange(begin, max(begin, end)))
        return np.concatenate(found)

    def inputs(self, origins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inputs of the history [B, T, I] and what is known ahead [B, K, F] of origins [B]."""
        series = self.series_of[origins]
        past = self._history(origins)  # [B, T + 1, D]
        changes = np.diff(past[..., self._change_inputs], axis=1) * self._ratios[series][:, None]
        history = origins[:, None] + np.arange(1 - self.history, 1)
        ahead = origins[:, None] + np.arange(1, self.horizon + 1)
        levels = past[:, 1:][..., self._level_inputs]
        x = np.concatenate([levels, changes, self._ahead[history + 1]], axis=2)
        return x, self._ahead[ahead]

    def batch(self, origins: np.ndarray) -> WindowBatch:
        """The windows of these origins [B]."""
        series = self.series_of[origins]
        x, future = self.inputs(origins)
        y = self.truths(origins)
        base, recent = self.base(origins)
        return WindowBatch(
            x=float_tensor(x.transpose(1, 0, 2)),
            future=float_tensor(future.transpose(1, 0, 2)),
            base=float_tensor(base.T),
            last=float_tensor(self.forward_filled[origins, 0]),
            scale=float_tensor(self._change[series]),
            y=float_tensor(np.nan_to_num(y).T),
            weight=torch.from_numpy(~np.isnan(y).T),
            series=torch.from_numpy(self.series_numbers(origins)),
            recent=float_tensor(recent),
        )

    def base(self, origins: np.ndarray) -> FloorForecasts:
        """What forecasts are relative to: those of the simple model, or naive ones without it."""
        floor = self.preprocessor.floor
        if floor is None:
            naive = self.naive_base(origins, self.relative_to)
            return FloorForecasts(naive, np.ones(len(origins)))
        if self._floor_forecasts is None:
            self._floor_forecasts = np.full((len(self.target), self.horizon + 1), np.nan)
        table = self._floor_forecasts
        missing = np.unique(origins[np.isnan(table[origins, -1])])
        if len(missing):
            table[missing] = np.column_stack(floor.forecast(self, missing))
        return FloorForecasts(table[origins, :-1], table[origins, -1])

    def truths(self, origins: np.ndarray) -> np.ndarray:
        """The scaled values after origins [B, K], NaN where missing."""
        truths: np.ndarray = self.target[origins[:, None] + np.arange(1, self.horizon + 1)]
        return truths

    def series_numbers(self, origins: np.ndarray) -> np.ndarray:
        """The numbers of the series of origins from 1 [B]; 0 for an unseen series."""
        numbers: np.ndarray = self._numbers[self.series_of[origins]]
        return numbers

    def usual_change(self, origins: np.ndarray) -> np.ndarray:
        """The size of a usual change of the scaled series of origins [B]."""
        changes: np.ndarray = self._change[self.series_of[origins]]
        return changes

    def unscaled(self, forecasts: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """Scaled forecasts [B, K, ...] of these origins [B] in the target's own unit."""
        series = self.series_of[origins].reshape(-1, *[1] * (forecasts.ndim - 1))
        values = forecasts * self._deviation[series] + self._mean[series]
        return np.exp(np.minimum(values, 700)) if self.preprocessor.logs[0] else values

    def _history(self, origins: np.ndarray) -> np.ndarray:
        """The past before each origin and one step more, without gaps [B, T + 1, D]."""
        at = origins[:, None] + np.arange(-self.history, 1)
        filled = self.forward_filled[at]
        if not self.interpolate:
            return filled
        both_ends_known = self._next_known[at] <= origins[:, None, None]
        return np.where(both_ends_known, self._interpolated[at], filled)

    def naive_base(self, origins: np.ndarray, relative_to: str) -> np.ndarray:
        """Scaled forecasts without learning [B, K]. relative_to: last, season or mean."""
        if relative_to == "mean":
            return np.zeros((len(origins), self.horizon))
        season = self.preprocessor.season if relative_to == "season" else 1
        return self.forward_filled[seasonal_places(origins, self.horizon, season), 0]

    def _scale(self, one: Series) -> Scale:
        """The scale of a series, from its training set or its first steps."""
        # of an unseen series only what lies before its first forecast is read
        return self.preprocessor.scale(one.name, one.values[: self.first + 1])

    def _choose_inputs(self, scales: list[Scale]) -> None:
        """Which inputs of the past are read as levels, which as changes, in which unit."""
        preprocessor = self.preprocessor
        past = range(len(preprocessor.columns) - preprocessor.ahead)
        self._level_inputs = self._places([k for k in past if preprocessor.levels[k]])
        changes = [k for k in past if preprocessor.columns[k] not in preprocessor.words]
        self._change_inputs = self._places(changes)
        self._ratios = np.stack(
            [np.array(s.deviation)[changes] / np.array(s.change)[changes] for s in scales]
        )

    def _places(self, columns: list[int]) -> np.ndarray:
        """The places of columns among the inputs of the past, where words have several."""
        preprocessor, places, at = self.preprocessor, [], 0
        for k in range(len(preprocessor.columns) - preprocessor.ahead):
            places += list(range(at, at + preprocessor.width(k))) if k in columns else []
            at += preprocessor.width(k)
        return np.array(places, dtype=np.int64)


class WindowBatches:
    """The batches of a run: its windows, shuffled again each epoch by seed and epoch alone.

    Args:
        windows: the series.
        origins: the origins of the training set.
        batch_size: windows per batch.
        seed: of the run.
    """

    def __init__(
        self, windows: ForecastWindows, origins: np.ndarray, batch_size: int, seed: int
    ) -> None:
        self.windows, self.origins = windows, origins
        self.batch_size, self.seed = batch_size, seed
        self.per_epoch = max(1, -(-len(origins) // batch_size))
        self._epoch, self._order = -1, origins

    def batch(self, number: int) -> WindowBatch:
        """Batch `number` of the run, counted from 0 over all epochs."""
        epoch, k = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            draw = np.random.default_rng((self.seed, epoch))
            self._epoch, self._order = epoch, self.origins[draw.permutation(len(self.origins))]
        return self.windows.batch(self._order[k * self.batch_size : (k + 1) * self.batch_size])


def seasonal_places(origins: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The place of the value one season before each step after an origin, [B, K]."""
    ahead = np.arange(1, horizon + 1)
    return origins[:, None] + ahead - season * -(-ahead // season)


def float_tensor(values: np.ndarray) -> Tensor:
    """An array as a tensor of float32."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
