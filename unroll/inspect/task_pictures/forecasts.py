"""Forecasts beside what came, their errors by step beside the best naive forecast, and of all series."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from unroll.inspect.drawing import Drawing
from unroll.inspect.finding import Picture, Row, format_number
from unroll.inspect.task_pictures.bar_rows import BarRow, draw_bar_rows
from unroll.inspect.task_pictures.finding import TaskFinding
from unroll.inspect.task_pictures.plane import Plane, shorten, value_range
from unroll.tasks.pictures import Forecasts, SeriesForecast

BINS = 12  # of the distribution over series


@dataclass(frozen=True)
class ForecastResults(TaskFinding):
    """Forecasts of a test set beside what came.

    Attributes:
        title: what is shown.
        conditions: under which conditions.
        forecasts: of the run.
    """

    forecasts: Forecasts

    def mean_errors(self) -> dict[str, float]:
        """The mean absolute error over all steps of the horizon, by the name of the method."""
        return {
            name: float(np.nanmean(errors)) if np.isfinite(errors).any() else math.nan
            for name, errors in self.forecasts.errors.items()
        }

    def sentences(self) -> list[str]:
        """The error beside that of the best naive forecast, the band, and the series that are lost."""
        found, means = self.forecasts, self.mean_errors()
        (_, own), (naive, other), *_ = means.items()
        if other > 0:
            share = f"{abs(1 - own / other):.0%} {'less' if own <= other else 'more'} than"
        else:
            share = "more than" if own > 0 else "as"
        lines = [
            f"Off by {format_number(own)} on average: {share} the best naive forecast ({naive}, "
            f"{format_number(other)}), over {found.forecasts:,} forecasts."
        ]
        lines.append(f"The band of {found.band:.0%} holds {found.covered:.0%} of the values.")
        if found.relative:
            lost = [name for name, ratio in found.relative.items() if ratio > 1]
            lines.append(
                f"{len(lost):,} of {len(found.relative):,} series are forecast worse than by {naive}."
            )
        return lines

    def table(self) -> list[list[str]]:
        """The error of each step of the horizon, a column for each method."""
        names = list(self.forecasts.errors)
        rows = [["step ahead", *names]]
        for k, errors in enumerate(zip(*self.forecasts.errors.values(), strict=True), 1):
            rows.append([f"{k}", *map(format_number, errors)])
        return rows

    def examples(self) -> list[list[str]]:
        """The last steps that were forecast, of the first series that is shown."""
        rows = [["step", "actual", "forecast", "band"]]
        for one in self.forecasts.series[:1]:
            K, start = one.steps, len(one.history)
            for k in range(len(one.middle) - min(K, 7), len(one.middle)):
                when = one.times[start + k]
                rows.append(
                    [
                        f"{one.name} {when}".strip(),
                        format_number(one.actual[k]),
                        format_number(one.middle[k]),
                        f"{format_number(one.low[k])} to {format_number(one.high[k])}",
                    ]
                )
        return rows

    def as_dict(self) -> dict[str, Any]:
        """The forecasts and the errors, for JSON."""
        return {
            "title": self.title,
            "conditions": self.conditions,
            "target": self.forecasts.target,
            "band": self.forecasts.band,
            "covered": self.forecasts.covered,
            "mean_absolute_error_of_steps": {
                name: [finite(e) for e in errors] for name, errors in self.forecasts.errors.items()
            },
            "relative_error_of_series": self.forecasts.relative,
            "series": [
                {
                    "series": one.name,
                    "times": list(one.times),
                    "history": [finite(v) for v in one.history],
                    "actual": [finite(v) for v in one.actual],
                    "forecast": list(one.middle),
                    "low": list(one.low),
                    "high": list(one.high),
                }
                for one in self.forecasts.series
            ],
        }

    def pictures(self) -> dict[str, Picture]:
        """`forecast` of each series, `errors` by step and, of several series, `series`."""
        pictures = {}
        for n, one in enumerate(self.forecasts.series):
            name = "forecast" if not n else f"forecast {n + 1}"
            pictures[name] = self._series_picture(one)
        pictures["errors"] = Picture(self._draw_errors, self.table())
        if self.forecasts.relative:
            ranked = sorted(self.forecasts.relative.items(), key=lambda pair: pair[1])
            rows: list[Row] = [["series", "error relative to the best naive forecast"], *ranked]
            pictures["series"] = Picture(self._draw_series, rows)
        return pictures

    def _series_picture(self, one: SeriesForecast) -> Picture:
        start = len(one.history)
        rows: list[Row] = [["time", "actual", "forecast", "low", "high"]]
        rows += [[t, v, None, None, None] for t, v in zip(one.times, one.history, strict=False)]
        rows += zip(one.times[start:], one.actual, one.middle, one.low, one.high, strict=True)
        return Picture(lambda: self._draw_forecast(one), rows)

    def _draw_forecast(self, one: SeriesForecast) -> Drawing:
        start, total = len(one.history), len(one.times)
        every = [*one.history, *one.actual, *one.low, *one.high, *one.middle]
        name = f"{self.forecasts.target}{f' of {one.name}' if one.name else ''}"
        ends = {0.0: one.times[0], float(total - 1): one.times[-1]}
        plane = Plane(shorten(name, 52), (0.0, total - 1.0), value_range(every), labels=ends)
        for at in range(0, len(one.middle), one.steps):
            steps = range(at, min(at + one.steps, len(one.middle)))
            # a single step is drawn as wide as a step
            places = [
                start + k + d for k in steps for d in ((-0.4, 0.4) if one.steps == 1 else (0.0,))
            ]
            own = [k for k in steps for _ in range(2 if one.steps == 1 else 1)]
            high = [(x, one.high[k]) for x, k in zip(places, own, strict=True)]
            low = [(x, one.low[k]) for x, k in zip(places, own, strict=True)]
            label = "" if at else f"band of {self.forecasts.band:.0%}"
            plane.area([*high, *reversed(low)], 0, label)
            middle = [(x, one.middle[k]) for x, k in zip(places, own, strict=True)]
            plane.curve(middle, 0, "" if at else "forecast")
        values = [*one.history, *one.actual]
        plane.curve([(float(k), v) for k, v in enumerate(values)], 6, "actual")
        outside = [
            k for k, v in enumerate(one.actual)
            if math.isfinite(v) and not one.low[k] <= v <= one.high[k]
        ]  # fmt: skip
        for k in outside:
            pointed = f"{one.times[start + k]}: {one.actual[k]:g}, outside the band"
            plane.dot(float(start + k), one.actual[k], 1, pointed)
        if outside:
            plane.legend.append((1, "dot", "outside the band"))
        low_y, high_y = plane.up
        plane.level((start - 0.5, low_y), (start - 0.5, high_y))
        return plane.drawing()

    def _draw_errors(self) -> Drawing:
        errors = self.forecasts.errors
        K = len(next(iter(errors.values())))
        title = f"Mean absolute error of {shorten(self.forecasts.target, 20)} by steps ahead"
        if K == 1:
            rows = [
                BarRow(name, each[0], format_number(each[0]), n)
                for n, (name, each) in enumerate(errors.items())
            ]
            return draw_bar_rows(rows, title.replace(" by steps", ", one step"))
        highest = value_range([e for each in errors.values() for e in each])[1]
        plane = Plane(title, (1.0, float(K)), (0.0, highest), "steps ahead")
        for n, (name, each) in enumerate(errors.items()):
            plane.curve([(float(k), e) for k, e in enumerate(each, 1)], n, name, n)
        return plane.drawing()

    def _draw_series(self) -> Drawing:
        ratios = np.array(list(self.forecasts.relative.values()))
        most = max(2.0, float(np.quantile(ratios, 0.98)))
        counts, edges = np.histogram(ratios.clip(0, most), BINS, (0.0, most))
        plane = Plane(
            "Series by their error beside the best naive forecast", (0.0, most),
            (0.0, float(counts.max()) * 1.1), "error of the run / error of the naive forecast",
        )  # fmt: skip
        for n, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
            corners = [(left, 0.0), (left, float(n)), (right, float(n)), (right, 0.0)]
            colour = 0 if right <= 1 + 1e-9 else 1
            plane.area(
                corners, colour, opacity=0.6, pointed=f"{n} series from {left:.2f} to {right:.2f}"
            )
        plane.level((1.0, 0.0), (1.0, plane.up[1]))
        plane.legend += [(0, "area", "better than naive"), (1, "area", "worse")]
        return plane.drawing()


def finite(value: float) -> float | None:
    """A number, or None where it is none."""
    return value if math.isfinite(value) else None


def forecast_results(
    forecasts: Forecasts, title: str, conditions: dict[str, Any]
) -> ForecastResults:
    """The finding on forecasts.

    Args:
        forecasts: of the test set.
        title: what is shown.
        conditions: the run and its data.
    """
    return ForecastResults(title, conditions, forecasts)
