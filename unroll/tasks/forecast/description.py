"""What was read of a table and chosen from it, in sentences and as a report on data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.errors import UserError
from unroll.tasks.base import Log
from unroll.tasks.forecast.defaults import check_window_sets
from unroll.tasks.forecast.floor import ForecastFloor
from unroll.tasks.forecast.floor_fit import MOST_FITTED
from unroll.tasks.forecast.reader import ForecastData, prepare_data, training_request
from unroll.tasks.forecast.series import SeriesTable
from unroll.tasks.forecast.series_table import read_series
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.split import split_in_time, usable_series


def describe(data: ForecastData, settings: ForecastSettings) -> list[str]:
    """Sentences on what was read and chosen, each choice with the flag that changes it."""
    table, history = data.table, data.history
    steps = "step" if settings.horizon == 1 else counted(settings.horizon, "step")
    sizes = [len(part.origins) for part in data.window_sets(settings)]
    sentences = [
        *table.messages,
        *data.messages,
        describe_series(table),
        describe_inputs(data),
        f"Windows of {counted(history, 'step')} (--history) to forecast the next {steps} "
        f"(--horizon): {sizes[0]:,} in the training set, then {sizes[1]:,} in the "
        f"validation set, which chooses the weights, then {sizes[2]:,} in the test set: "
        f"{data.validation_set} (--valid FILE).",
    ]
    past = table.past_columns
    if settings.head == "recursive" and settings.horizon > 1 and past:
        keep, value = ("keeps its", "value") if len(past) == 1 else ("keep their", "values")
        sentences.append(
            f"The recursive head reads its own forecasts; {', '.join(past)} {keep} last {value}, "
            "because the future is not known (--set known=..., or --set head=direct)."
        )
    return [*sentences, describe_choices(data, settings)]


def describe_series(table: SeriesTable) -> str:
    """A sentence on how many series there are, their times and their step."""
    many = f"{len(table.series):,} series (--by)" if table.by else "one series (--by)"
    step = f"steps of {table.step.length_in_words}{table.step.place_in_words}"
    if table.step.loose:
        step = "each row is a step, whatever its time"
    return (
        f"{table.name}: {many} of {table.columns[0]} (--target) over {table.time} (--time), "
        f"{table.steps:,} steps from {table.begin} to {table.end}; {step} (--set every=...)."
    )


def describe_inputs(data: ForecastData) -> str:
    """A sentence on what is read beside the target."""
    known = list(data.table.known_columns)
    if data.preprocessor.cycles:
        cycles = " and the ".join(data.preprocessor.cycles)
        known.append(f"the time of the {cycles} (--set calendar=false)")
    return (
        "Other inputs, up to the present (--covariates): "
        f"{listed(data.table.past_columns)}; known ahead (--set known=...): "
        f"{listed(known)}."
    )


def describe_choices(data: ForecastData, settings: ForecastSettings) -> str:
    """A sentence on what the training set has decided: base, ratios, levels, season."""
    preprocessor = data.preprocessor
    logs = [c for c, log in zip(preprocessor.columns, preprocessor.logs, strict=True) if log]
    past = preprocessor.columns[: len(preprocessor.columns) - preprocessor.ahead]
    changes = [
        c for c, level in zip(past, preprocessor.levels, strict=False) if not level
    ]  # the columns after them are known ahead
    base = {
        "last": "the last value (--set relative_to=...)",
        "mean": "the mean (--set relative_to=...)",
        "season": f"the value {preprocessor.season} steps before (--set relative_to=...)",
    }
    floor = preprocessor.floor
    relative = base[settings.relative_to] if floor is None else describe_floor(floor)
    return (
        f"Forecasts are relative to {relative}, "
        f"trained with {settings.loss} loss (--set loss=...). Columns read as ratios (--set "
        f"transform=...): {listed(logs)}; as changes only, because their levels do not return to a "
        f"mean (--set level=...): {listed(changes)}. Season: {counted(preprocessor.season, 'step')} (--set "
        "season=N)."
    )


def describe_shared(series: int, fitted: int) -> str:
    """That all series share the parameters of smoothing."""
    more = "" if fitted == MOST_FITTED else "; more of them with more --seconds"
    return (
        f"The {series:,} series share the parameters of smoothing, fitted to {fitted} of them (up to "
        f"{fitted} series have their own{more})."
    )


def describe_floor(floor: ForecastFloor) -> str:
    """What the simple model is, in words."""
    models = list(floor.series.values())
    names = {
        "last": "the last value",
        "season": "the last season with its drift",
        "smoothing": "exponential smoothing",
        "ridge": f"a ridge regression on the history (penalty {floor.penalty:g})",
    }
    sets = Counter(one.parts for one in models)
    parts = " and ".join(names[name] for name in sets.most_common(1)[0][0])
    often = (
        "" if len(sets) == 1 else f" for {sets.most_common(1)[0][1]:,} of {len(models):,} series"
    )
    return (
        f"a simple model (--set floor=none: without it): {parts}{often}, chosen on windows that it was not "
        "fitted to; fitted again to all rows once the figures are made (--refit no: not)"
    )


def listed(names: Sequence[str]) -> str:
    """Names with commas, or "none"."""
    return ", ".join(names) or "none"


def check_report(path: str, settings: ForecastSettings, log: Log) -> dict[str, object]:
    """What `unroll data check` reports: rows, series, steps, what is missing, the three sets.

    Args:
        path: the table.
        settings: which columns to read, and how.
        log: takes sentences on what was filled and joined, where training would begin.

    Raises:
        UserError: where the file is no table of values over time.
    """
    problems = Problems(skip=True)
    request, refused = training_request(settings), list[str]()
    try:
        table = read_series(path, request, problems)
    except UserError as error:
        if settings.missing != "refuse":
            raise
        # once more with what is missing filled, to report on the rest
        refused.append(str(error).removesuffix(problems.with_messages("")))
        problems = Problems(skip=True)
        table = read_series(path, replace(request, missing="last"), problems)
    split = split_in_time(table, settings)
    try:
        usable = usable_series(table, split, settings, problems)
        if usable:
            data = prepare_data(table, split, usable, settings, problems)
            check_window_sets(data, settings)
            for sentence in (*table.messages, *data.messages) if not refused else ():
                log(sentence)
    except UserError as error:
        refused.append(str(error))
    train, valid = sum(split.train), sum(split.valid)
    return {
        "series": len(table.series),
        "steps": table.steps,
        "step": "row" if table.step.loose else table.step.name,
        "from": table.begin,
        "to": table.end,
        "columns": list(table.columns),
        "words": {name: len(words) for name, words in table.words.items()},
        "missing": table.missing,
        "season": split.season,
        "history": split.history,
        "sets": {"training": train, "validation": valid - train, "test": table.steps - valid},
        "problems": [*refused, *problems.messages()],
    }
