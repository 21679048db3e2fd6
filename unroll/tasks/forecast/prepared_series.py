"""A series as scaled arrays without gaps, from which windows are taken.

T time, C columns, D inputs of the past (a column of words has one for each word), F inputs known
ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.tasks.forecast.scales import Scale, take_logs
from unroll.tasks.forecast.series import Series, SeriesTable
from unroll.tasks.forecast.times import calendar_features


@dataclass(frozen=True)
class PreparedSeries:
    """The arrays of one series, long enough for a forecast from its last known value.

    Attributes:
        values: the target in its own unit [T], NaN where missing.
        filled: the target in its own unit with the last known value where missing [T].
        times: [T].
        offsets: how many seconds the clock is ahead of UTC at each step [T]; NaN where the table does
            not say.
        target: the scaled target [T], NaN where missing.
        forward_filled: scaled past columns, filled with the last known value [T, D].
        interpolated: scaled past columns, filled on straight lines [T, D].
        next_known: the place of the known value at the other end of each line [T, D].
        ahead: inputs that are known ahead, those of the calendar last [T, F].
    """

    values: np.ndarray
    filled: np.ndarray
    times: np.ndarray
    offsets: np.ndarray
    target: np.ndarray
    forward_filled: np.ndarray
    interpolated: np.ndarray
    next_known: np.ndarray
    ahead: np.ndarray


def prepare_series(
    one: Series,
    table: SeriesTable,
    preprocessor: ForecastPreprocessor,
    scale: Scale,
    horizon: int,
    interpolate: bool,
) -> PreparedSeries:
    """Scale a series, fill its gaps, and add the calendar.

    Args:
        one: the series.
        table: its table, for its words.
        preprocessor: how columns are read.
        scale: the scale of this series.
        horizon: steps that are added after its last known target, where it has no such rows.
        interpolate: whether gaps of columns that are known ahead are filled on straight lines; else
            with the last value.
    """
    short = max(0, len(one) + horizon - len(one.times))
    later = [preprocessor.step.after(one.times[-1], n) for n in range(1, short + 1)]
    times = np.concatenate([one.times, later])
    values = np.concatenate([one.values, np.full((short, one.values.shape[1]), np.nan)])
    scaled = (take_logs(values, preprocessor.logs) - scale.mean) / scale.deviation
    past = len(preprocessor.columns) - preprocessor.ahead
    past_filled = fill_gaps(one_hot_words(scaled[:, :past], 0, table, preprocessor))
    known = fill_gaps(one_hot_words(scaled[:, past:], past, table, preprocessor))
    known_filled = known.interpolated if interpolate else known.forward_filled
    offsets = np.full(len(one.times), np.nan) if one.offsets is None else one.offsets
    # how the offset goes on is not known, so the last one is kept
    offsets = np.concatenate([offsets, np.full(short, offsets[-1])])
    clock = times + offsets if preprocessor.clock == "utc" else times
    turns = calendar_features(clock, preprocessor.cycles)
    return PreparedSeries(
        values=values[:, 0],
        filled=fill_gaps(values[:, :1]).forward_filled[:, 0],
        times=times,
        offsets=offsets,
        target=scaled[:, 0],
        forward_filled=past_filled.forward_filled,
        interpolated=past_filled.interpolated,
        next_known=past_filled.next_known,
        ahead=np.concatenate([known_filled, turns], 1),
    )


def one_hot_words(
    values: np.ndarray, first: int, table: SeriesTable, preprocessor: ForecastPreprocessor
) -> np.ndarray:
    """Replace each column of words by a column of zeros and ones for each known word.

    Args:
        values: columns [T, C].
        first: the place of the first of them among the columns of the preprocessor.
        table: the table, whose words the values number.
        preprocessor: the known words.
    """
    wide = []
    for k in range(values.shape[1]):
        name, column = preprocessor.columns[first + k], values[:, k : k + 1]
        if name not in preprocessor.words:
            wide.append(column)
            continue
        there = table.words[name]
        known = preprocessor.words[name]
        codes = np.array([there.index(word) if word in there else -2 for word in known])
        wide.append(np.where(np.isnan(column), np.nan, (column == codes).astype(float)))
    return np.concatenate(wide, 1) if wide else values


class FilledColumns(NamedTuple):
    """Columns [T, C] without NaN.

    Attributes:
        forward_filled: filled with the last known value; 0 before the first one.
        interpolated: filled on straight lines between known values, and with the last one after it; 0
            before the first one.
        next_known: the place of the next known value, or the own place where none follows.
    """

    forward_filled: np.ndarray
    interpolated: np.ndarray
    next_known: np.ndarray


def fill_gaps(values: np.ndarray) -> FilledColumns:
    """Fill the missing values of columns [T, C]; a column without a known value becomes 0."""
    forward_filled, interpolated = values.copy(), values.copy()
    next_known = np.broadcast_to(np.arange(len(values))[:, None], values.shape).copy()
    at = np.arange(len(values))
    for k in range(values.shape[1]):
        known = np.flatnonzero(~np.isnan(values[:, k]))
        if len(known) == len(values):
            continue
        if not len(known):
            forward_filled[:, k] = interpolated[:, k] = 0.0
            continue
        before = known[np.maximum(np.searchsorted(known, at, side="right") - 1, 0)]
        forward_filled[:, k] = values[before, k]
        interpolated[:, k] = np.interp(at, known, values[known, k])
        # before the first known value nothing was known
        forward_filled[: known[0], k] = interpolated[: known[0], k] = 0.0
        later = np.searchsorted(known, at)
        next_known[:, k] = np.where(
            later < len(known), known[np.minimum(later, len(known) - 1)], at
        )
    return FilledColumns(forward_filled, interpolated, next_known)
