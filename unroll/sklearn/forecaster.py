"""A forecaster of one or many series."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from unroll.errors import UserError
from unroll.in_memory.forms import as_array, holds_times, label_list
from unroll.in_memory.tables import is_frame, is_series, read_frame
from unroll.sklearn.base import RunEstimator


class Forecaster(RunEstimator):
    """A recurrent forecaster with bands.

    When to use it: sales, load, weather; beside other estimators.

    Args:
        horizon: K, steps that are forecast.
        history: steps that a forecast reads. None: chosen from the season.
        target: the column to forecast, where X is a table. None: guessed.
        time: the column of times. None: guessed.
        by: the column that names the series. None: one series. Others: see `RunEstimator`.

    Attributes:
        run_: the trained run.

    Examples:
        >>> import numpy as np
        >>> from unroll.sklearn import Forecaster
        >>> y = np.sin(np.arange(120) / 3)
        >>> model = Forecaster(horizon=3, history=14, hidden=8, steps=3, random_state=0).fit(y)
        >>> model.predict().shape
        (3,)
    """

    task: ClassVar[str] = "forecast"

    def __init__(
        self,
        *,
        horizon: int = 1,
        history: int | None = None,
        target: str | None = None,
        time: str | None = None,
        by: str | None = None,
        cell: str | None = None,
        hidden: int | None = None,
        layers: int | None = None,
        dropout: float | None = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        epochs: float | None = None,
        steps: int | None = None,
        seconds: float | None = None,
        random_state: Any = None,
        settings: Any = None,
        out: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            cell=cell, hidden=hidden, layers=layers, dropout=dropout, learning_rate=learning_rate,
            batch_size=batch_size, epochs=epochs, steps=steps, seconds=seconds,
            random_state=random_state, settings=settings, out=out, verbose=verbose,
        )  # fmt: skip
        self.horizon = horizon
        self.history = history
        self.target = target
        self.time = time
        self.by = by

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on one or many series.

        Args:
            X: a table with times and values, a Series with times, or the values of one series [N]. With
                y: a table or Series of what is known beside it, or the times.
            y: the values to forecast, where X does not hold them.
        """
        self._plain = is_plain(X) and y is None
        self._last = series_table(X, y)
        target = "value" if y is not None or self._plain else self.target
        return self._train(
            self._last, horizon=self.horizon, history=self.history, target=target, time=self.time, by=self.by,
        )  # fmt: skip

    def predict(self, X: Any = None) -> Any:
        """The forecast after the end of the series.

        Args:
            X: further rows, as `fit` took them. None: after the end of those of `fit`.

        Returns:
            The K values of one series that was given as values [K]; else a table with the columns time,
            prediction, low, high, and series where there are several.
        """
        self._check_is_fitted()
        data = self._last if X is None else series_table(X, None)
        if self._plain:
            steps = self.run_.predict(data)["forecast"]
            return np.array([step["value"] for step in steps])
        if isinstance(data, dict):
            rows = self.run_.task.prediction_rows(self.run_.predict(data))
            return {name: [row[name] for row in rows] for name in rows[0]}
        return self.run_.predict(data)

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the mean absolute error of a backtest over the rows, so that more is better."""
        self._check_is_fitted()
        return -float(self.run_.evaluate(series_table(X, y))["mae"])


def is_plain(X: Any) -> bool:
    """Whether X is the values of one series, without times."""
    if is_frame(X) or isinstance(X, dict) or (is_series(X) and holds_times(X)):
        return False
    return True


def series_table(X: Any, y: Any) -> Any:
    """The series as a table with times: what `unroll.train` takes.

    Raises:
        UserError: for no values at all, and values of another number than times.
    """
    if X is None:
        raise UserError(
            "X got None; expected the values of one series [N], a Series with times, or a table with a "
            "column or an index of times."
        )
    if is_series(X) and holds_times(X) and y is None:
        return X.to_frame(X.name if X.name is not None else "value")
    if y is None and not is_plain(X):
        return X
    values = label_list(X if y is None else y)
    if y is None:
        return {"time": list(range(len(values))), "value": values}
    if is_frame(X):
        table = read_frame(X)
        columns = dict(zip(table.names, table.columns, strict=True))
    else:
        array = as_array(X)
        columns = {"time": list(array.ravel()) if array is not None else label_list(X)}
    length = len(next(iter(columns.values())))
    if length != len(values):
        raise UserError(f"X has {length:,} rows and y {len(values):,} values; expected the same.")
    return {**columns, "value": values}
