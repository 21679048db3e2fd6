"""What a simple model reads of windows: their history, without gaps.

N steps of all series one after another, B origins, T history, K horizon, I inputs per step.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np


class SeriesHistory(Protocol):
    """The series of a table as a simple model reads them; `ForecastWindows` is one.

    Attributes:
        horizon: K.
        first: steps of a series before its first origin.
        names: of the series.
        starts: the place of the first step of each series.
        series_of: the series of each step [N].
        forward_filled: scaled inputs of the past [N, D], the target first.
    """

    horizon: int
    first: int
    starts: np.ndarray
    series_of: np.ndarray
    forward_filled: np.ndarray

    @property
    def names(self) -> list[str]:
        """The names of the series."""
        ...

    @property
    def season_steps(self) -> int:
        """Steps of a season."""
        ...

    @property
    def level_count(self) -> int:
        """How many inputs of a step are levels; they are the first ones."""
        ...

    @property
    def turn_count(self) -> int:
        """How many inputs at the end are of the calendar."""
        ...

    def inputs(self, origins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inputs of the history [B, T, I] and what is known ahead [B, K, F] of origins [B]."""
        ...

    def naive_base(self, origins: np.ndarray, relative_to: str) -> np.ndarray:
        """Scaled forecasts without learning [B, K]. relative_to: last, season or mean."""
        ...

    def usual_change(self, origins: np.ndarray) -> np.ndarray:
        """The size of a usual change of the scaled series of origins [B]."""
        ...
