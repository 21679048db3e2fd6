"""Windows of series: a history to read, a horizon to forecast, and no way to see past the origin.

T time, B batch, K horizon, I inputs of a step, F of them known ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unroll.tasks.forecast.preprocessor import ForecastPreprocessor, transformed
from unroll.tasks.forecast.series_table import Series, SeriesTable
from unroll.tasks.forecast.times import calendar_features


@dataclass(frozen=True)
class WindowBatch:
    """x: inputs [H, B, I] of the history; of each step the target, what is read beside it, and what
    is known of the next step. future: what is known of the steps to forecast, [K, B, F]. base: what
    forecasts are relative to, [K, B]. last: the last value [B]. scale: the size of a step's change
    [B]. y: the truth [K, B], where `weight` [K, B] is true. series: numbers [B], 0 for a new one.
    All values are scaled. fresh: no state is carried."""

    x: Tensor
    future: Tensor
    base: Tensor
    last: Tensor
    scale: Tensor
    y: Tensor
    weight: Tensor
    series: Tensor
    fresh: bool = True

    @property
    def tokens(self) -> int:
        """How many values are forecast."""
        return int(self.weight.sum())

    def to(self, device: torch.device | str) -> WindowBatch:
        moved: dict[str, Any] = {
            f.name: value.to(device)
            if isinstance(value := getattr(self, f.name), Tensor)
            else value
            for f in fields(self)
        }
        return WindowBatch(**moved)


class Windows:
    """Every window of the series of a table.

    relative_to: last, season or mean; what `base` holds.

    The series stand one after another; an origin is the place of the last value that a forecast may
    read. Missing values of the past are filled with the last one, or on a straight line where
    `interpolate` is true and the value at its other end lies no later than the origin; those of
    columns whose future is known, on the whole line.

    Attributes:
        values: the target in its own unit [N], NaN where missing; filled: with the last value.
        starts, ends: of each series, places in [N]. first_values: of each series, `earlier` steps
            before its start.
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
        self.history, self.horizon, self.relative_to = history, horizon, relative_to
        self.first = max(history, preprocessor.season)  # steps before the first origin
        parts = [self._prepared(one, interpolate) for one in table.series]
        sizes = [len(part["values"]) for part in parts]
        self.starts = np.cumsum([0, *sizes[:-1]])
        self.earlier = np.array([one.earlier for one in table.series])
        self.ends = self.starts + [len(one) for one in table.series]
        self.of = np.repeat(np.arange(len(parts)), sizes)
        for part, start in zip(parts, self.starts, strict=True):
            part["next"] += start
        for name in ("values", "filled", "times", "u", "held", "line", "next", "ahead"):
            setattr(self, name, np.concatenate([part[name] for part in parts]))
        self.held: np.ndarray  # [N, D] scaled, filled with the last value
        self.line: np.ndarray  # [N, D] or filled on straight lines
        self.next: np.ndarray  # [N, D] the place of the value at the other end of the line
        self.ahead: np.ndarray  # [N, F]
        self.u: np.ndarray  # [N] the target, scaled
        self.values: np.ndarray
        self.filled: np.ndarray
        self.times: np.ndarray
        self.straight = interpolate
        numbers = {name: k + 1 for k, name in enumerate(preprocessor.names)}
        self.series = np.array([numbers.get(one.name, 0) for one in table.series])
        scales = [self._scale(one) for one in table.series]
        self.mean = np.array([s.mean[0] for s in scales])
        self.deviation = np.array([s.deviation[0] for s in scales])
        self.step = np.array([s.change[0] for s in scales]) / self.deviation
        firsts = [one.first for one in table.series]
        self.first_values = np.where(np.isnan(firsts), self.filled[self.starts], firsts)
        self.naive_error = np.array([s.naive_error for s in scales])
        plain = [
            c not in preprocessor.words
            for c in preprocessor.columns[: len(preprocessor.columns) - preprocessor.ahead]
        ]
        past = np.flatnonzero(plain)
        self.level_columns = self._expanded(
            [bool(preprocessor.levels[k]) for k in range(len(plain))]
        )
        self.change_columns = self._places(past.tolist())
        self.ratios = np.stack(
            [np.array(s.deviation)[past] / np.array(s.change)[past] for s in scales]
        )

    def origins(self, begins: list[int] | None = None, ends: list[int] | None = None) -> np.ndarray:
        """Places of the origins whose forecasts lie in steps begins[k] to ends[k] of each series."""
        found = []
        for k, one in enumerate(self.table.series):
            begin = self.first if begins is None else max(self.first, begins[k] - 1)
            end = (len(one) if ends is None else min(ends[k], len(one))) - self.horizon
            found.append(self.starts[k] + np.arange(begin, max(begin, end)))
        return np.concatenate(found)

    def batch(self, origins: np.ndarray) -> WindowBatch:
        """The windows of these origins."""
        of = self.of[origins]
        raw = self._history(origins)  # [B, H+1, D]
        changes = np.diff(raw[..., self.change_columns], axis=1) * self.ratios[of][:, None]
        read = origins[:, None] + np.arange(1 - self.history, 1)
        ahead = origins[:, None] + np.arange(1, self.horizon + 1)
        x = np.concatenate(
            [raw[:, 1:][..., self.level_columns], changes, self.ahead[read + 1]], axis=2
        )
        y = self.u[ahead]
        return WindowBatch(
            x=tensor(x.transpose(1, 0, 2)),
            future=tensor(self.ahead[ahead].transpose(1, 0, 2)),
            base=tensor(self._base(origins).T),
            last=tensor(self.held[origins, 0]),
            scale=tensor(self.step[of]),
            y=tensor(np.nan_to_num(y).T),
            weight=torch.from_numpy(~np.isnan(y).T),
            series=torch.from_numpy(self.series[of]),
        )

    def unscaled(self, forecasts: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """Scaled forecasts [N, K, ...] of these origins in the target's own unit."""
        of = self.of[origins].reshape(-1, *[1] * (forecasts.ndim - 1))
        values = forecasts * self.deviation[of] + self.mean[of]
        return np.exp(np.minimum(values, 700)) if self.preprocessor.logs[0] else values

    def _history(self, origins: np.ndarray) -> np.ndarray:
        at = origins[:, None] + np.arange(-self.history, 1)
        held = self.held[at]
        if not self.straight:
            return held
        return np.where(self.next[at] <= origins[:, None, None], self.line[at], held)

    def _base(self, origins: np.ndarray) -> np.ndarray:
        """[B, K]"""
        if self.relative_to == "mean":
            return np.zeros((len(origins), self.horizon))
        return self.held[seasonal(origins, self.horizon, self.season), 0]

    @property
    def season(self) -> int:
        """Steps back to what a forecast is relative to."""
        return self.preprocessor.season if self.relative_to == "season" else 1

    def _scale(self, one: Series) -> Any:
        # of a series that was not learned from, only what lies before its first forecast is read
        return self.preprocessor.scale(one.name, one.values[: self.first + 1])

    def _prepared(self, one: Series, interpolate: bool) -> dict[str, np.ndarray]:
        preprocessor, scale = self.preprocessor, self._scale(one)
        short = max(0, len(one) + self.horizon - len(one.times))
        steps = preprocessor.step
        times = np.concatenate(
            [one.times, [steps.after(one.times[-1], n) for n in range(1, short + 1)]]
        )
        values = np.concatenate([one.values, np.full((short, one.values.shape[1]), np.nan)])
        scaled = (transformed(values, preprocessor.logs) - scale.mean) / scale.deviation
        past = len(preprocessor.columns) - preprocessor.ahead
        held, line, after = filled(self._one_hot(scaled[:, :past], 0))
        known = self._one_hot(scaled[:, past:], past)
        ahead = [filled(known)[1] if interpolate else filled(known)[0]]
        ahead.append(calendar_features(times, preprocessor.cycles))
        return {
            "values": values[:, 0],
            "filled": filled(values[:, :1])[0][:, 0],
            "times": times,
            "u": scaled[:, 0],
            "held": held,
            "line": line,
            "next": after,
            "ahead": np.concatenate(ahead, 1),
        }

    def _one_hot(self, values: np.ndarray, first: int) -> np.ndarray:
        """Columns of words as a column of zeros and ones for each word."""
        wide = []
        for k in range(values.shape[1]):
            name, column = self.preprocessor.columns[first + k], values[:, k : k + 1]
            if name not in self.preprocessor.words:
                wide.append(column)
                continue
            there = self.table.words[name]
            codes = np.array(
                [
                    there.index(word) if word in there else -2
                    for word in self.preprocessor.words[name]
                ]
            )
            wide.append(np.where(np.isnan(column), np.nan, (column == codes).astype(float)))
        return np.concatenate(wide, 1) if wide else values

    def _places(self, columns: list[int]) -> np.ndarray:
        """Where columns of the past stand among the wide ones."""
        preprocessor, places, at = self.preprocessor, [], 0
        for k in range(len(preprocessor.columns) - preprocessor.ahead):
            places += list(range(at, at + preprocessor.width(k))) if k in columns else []
            at += preprocessor.width(k)
        return np.array(places, dtype=np.int64)

    def _expanded(self, chosen: list[bool]) -> np.ndarray:
        return self._places([k for k, wanted in enumerate(chosen) if wanted])


class WindowBatches:
    """The batches of a run: its windows, shuffled anew each epoch by seed and epoch alone."""

    def __init__(self, windows: Windows, origins: np.ndarray, batch_size: int, seed: int) -> None:
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


def filled(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns [T, C] without NaN: with the last known value, and on straight lines between known
    ones; and the place of the next known value. Before the first and after the last known value
    both have the nearest known one; 0 where there is none at all."""
    held, line = values.copy(), values.copy()
    after = np.broadcast_to(np.arange(len(values))[:, None], values.shape).copy()
    for k in range(values.shape[1]):
        known = np.flatnonzero(~np.isnan(values[:, k]))
        if len(known) == len(values):
            continue
        if not len(known):
            held[:, k] = line[:, k] = 0.0
            continue
        at = np.arange(len(values))
        before = known[np.maximum(np.searchsorted(known, at, side="right") - 1, 0)]
        held[:, k] = values[before, k]
        line[:, k] = np.interp(at, known, values[known, k])
        # what stands before the first known value was not known then
        held[: known[0], k] = line[: known[0], k] = 0.0
        nexts = np.searchsorted(known, at)
        after[:, k] = np.where(nexts < len(known), known[np.minimum(nexts, len(known) - 1)], at)
    return held, line, after


def seasonal(origins: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """[N, K]: where the value of the last season stands for each step after an origin."""
    ahead = np.arange(1, horizon + 1)
    return origins[:, None] + ahead - season * -(-ahead // season)


def tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
