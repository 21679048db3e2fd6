"""Forecast: the next values of series over time, with the band they should lie in.

many to many: sales, load, weather, prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.split import evenly_spread
from unroll.errors import UserError
from unroll.layers import Ridge
from unroll.models.initialisation import initialise
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.forecast.backtest import ROWS, backtest, chunks, forecast
from unroll.tasks.forecast.continuation import own_history
from unroll.tasks.forecast.decoding import Forecast, answer_of, in_rows, picture_of
from unroll.tasks.forecast.inputs import RUN, asked_columns, asked_table
from unroll.tasks.forecast.network import Forecaster, Reading
from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.tasks.forecast.reader import (
    Forecasts,
    better_naive,
    forecasts_of,
    parts,
    read_forecasts,
    sizes_of,
    usable,
    wanted_of,
)
from unroll.tasks.forecast.report import report
from unroll.tasks.forecast.series_table import read_series
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.windows import WindowBatch, WindowBatches, Windows
from unroll.training.objective import Objective, Work

IN_USE = ("skip_bad", "missing")
WATCHED = 4096  # windows that an evaluation during training reads at most
PENALTIES = tuple(10.0**k for k in range(-6, 5))


def resolve_sizes(settings: ForecastSettings, make: MakeCell) -> ForecastSettings:
    """The sizes that were left open; `make` is tried."""
    hidden = settings.hidden or HIDDEN
    width = hidden
    for _ in range(settings.layers):
        cell = make(width, hidden)
        initialise(cell, settings.initialisation)
        width = cell.output_size
    loss = settings.loss or ("mse" if settings.readout == "ridge" else "quantile")
    return settings.model_copy(update={"hidden": hidden, "loss": loss})


HIDDEN = 32


def read(
    path: str,
    settings: ForecastSettings,
    say: Log,
    preprocessor: ForecastPreprocessor | None = None,
) -> Forecasts:
    """The table, cut in time: to learn from, to choose the weights by, held out."""
    return read_forecasts(path, settings, preprocessor)


def resolve(settings: ForecastSettings, data: Forecasts) -> ForecastSettings:
    """Every other setting that was left open.

    Raises: UserError where a part has no window.
    """
    preprocessor, table = data.preprocessor, data.table
    past = table.columns[1 : len(table.columns) - table.ahead]
    settings = settings.model_copy(
        update={
            "time": table.time,
            "target": table.columns[0],
            "covariates": ",".join(past) or None,
            "history": data.history,
            "season": preprocessor.season,
            "batch_size": settings.batch_size or BATCH,
            "dropout": DROPOUT if settings.dropout is None else settings.dropout,
            "embedding": settings.embedding
            or (min(8, len(table.series)) if len(table.series) > 1 else None),
            "learning_rate": settings.learning_rate
            or (RATE if settings.optimizer == "adamw" else 0.03),
        }
    )
    if settings.relative_to == "auto":
        settings = settings.model_copy(update={"relative_to": better_naive(data, settings)})
    for part, (_, origins) in parts(data, settings).items():
        if not len(origins):
            raise UserError(
                f"{table.name} leaves no window to {part} with a history of {data.history} and a "
                f"horizon of {settings.horizon} steps. Give more rows, or a smaller --set "
                "history=N or --horizon."
            )
    return settings


# chosen on the first four fifths of daily weather, three seeds each
DROPOUT, BATCH, RATE = 0.3, 64, 2e-3


def model(
    settings: ForecastSettings, preprocessor: ForecastPreprocessor, make: MakeCell
) -> Forecaster:
    """The network, on the CPU, freshly initialised. make: its cell."""
    past = range(len(preprocessor.columns) - preprocessor.ahead)
    levels = sum(preprocessor.width(k) for k in past if preprocessor.levels[k])
    return Forecaster(
        preprocessor.inputs,
        preprocessor.known,
        settings.horizon,
        settings.hidden or HIDDEN,
        settings.layers,
        cell=make,
        head="linear" if settings.readout == "ridge" else settings.head,
        loss=settings.loss or "quantile",
        levels=settings.levels,
        reading=Reading(
            0 if preprocessor.levels[0] else None, levels, preprocessor.known, settings.relative_to
        ),
        series=len(preprocessor.scales),
        embedding_size=settings.embedding or 0,
        dropout=settings.dropout or 0.0,
        initialisation=settings.initialisation,
    )


def work(
    network: Forecaster, data: Forecasts, settings: ForecastSettings, device: torch.device
) -> Work:
    """What the training loop calls."""
    windows, origins = parts(data, settings)["learn from"]
    _, chosen_by = parts(data, settings)["choose weights by"]
    some = chosen_by[evenly_spread(len(chosen_by), WATCHED)]
    watched = [batch.to(device) for batch in chunks(windows, some)]
    batches = WindowBatches(windows, origins, settings.batch_size or BATCH, settings.seed)

    def evaluated() -> dict[str, float]:
        network.learn_errors(watched)
        tokens = max(1, sum(batch.tokens for batch in watched))
        loss, ours, naive = 0.0, 0.0, 0.0
        for batch in watched:
            loss += float(network.loss(batch))
            middle = network.quantiles(batch)[..., settings.levels.index(0.5)]
            for which, guess in (("ours", middle), ("naive", batch.base)):
                error = float(((guess - batch.y) / batch.scale).abs()[batch.weight].sum())
                ours, naive = (ours + error, naive) if which == "ours" else (ours, naive + error)
        return {"loss": loss / tokens, "error_over_naive": ours / max(naive, 1e-12)}

    def solve(watch: Progress) -> list[str]:
        return solved(network, windows, origins, watched, device, watch)

    return Work(
        model=network,
        batch=lambda number: batches.batch(number).to(device),
        per_epoch=batches.per_epoch,
        loss=lambda batch, state: (network.loss(batch), None),
        initial_state=lambda: None,
        evaluate=evaluated,
        sample=None,
        learning_rate=settings.learning_rate or RATE,
        unit="values",
        device=device,
        solve=solve if settings.readout == "ridge" else None,
    )


def solved(
    network: Forecaster,
    windows: Windows,
    origins: np.ndarray,
    watched: list[WindowBatch],
    device: torch.device,
    watch: Progress,
) -> list[str]:
    """The read-out by ridge regression; its penalty by the windows that choose weights."""
    sums = Ridge()
    for k, batch in enumerate(chunks(windows, origins)):
        batch = batch.to(device)
        whole = batch.weight.all(0)
        wanted = ((batch.y - batch.base) / batch.scale).T
        sums.add(network.features(batch)[whole], wanted[whole])
        watch(min(1.0, k * ROWS / len(origins)))
    best: tuple[float, float, dict[str, torch.Tensor]] | None = None
    for penalty in PENALTIES:
        try:
            readout = sums.solve(penalty)
        except ValueError:  # too small a penalty for the states
            continue
        network.readout.load_state_dict(readout.state_dict())
        loss = sum(float(network.loss(batch)) for batch in watched)
        if best is None or loss < best[0]:
            best = loss, penalty, {k: t.clone() for k, t in readout.state_dict().items()}
    if best is None:
        raise UserError("No penalty makes the read-out solvable. Use fewer units (--hidden).")
    network.readout.load_state_dict(best[2])
    weights = network.readout.weight.numel()
    return [
        f"A read-out of {weights:,} weights by ridge regression from {sums.rows:,} windows, penalty "
        f"{best[1]:g} (the best of {len(PENALTIES)} on the part that chooses); the recurrent weights "
        "stay as they were drawn."
    ]


def header(data: Forecasts, settings: ForecastSettings, model: Forecaster) -> list[str]:
    """What was read and guessed, each choice with the flag that changes it."""
    table, preprocessor = data.table, data.preprocessor
    past = table.columns[1 : len(table.columns) - table.ahead]
    ahead = table.columns[len(table.columns) - table.ahead :]
    steps = sum(len(one) for one in table.series)
    first = min(one.times[0] for one in table.series)
    last = max(one.times[len(one) - 1] for one in table.series)
    many = f"{len(table.series):,} series (--by)" if table.by else "one series (--by)"
    step = f"steps of {table.step.long}"
    if table.step.loose:
        step = "each row is a step, whenever it is"
    said = [*table.said, *data.told]
    said += [
        f"{table.name}: {many} of {table.columns[0]} (--target) over {table.time} (--time), {steps:,} "
        f"steps from {table.at(first)} to {table.at(last)}; {step} (--set every=...).",
        f"Read beside it up to the present (--covariates): {', '.join(past) or 'nothing'}; known "
        f"ahead (--set known=...): {', '.join(ahead) or 'nothing'}"
        + (
            f", and the time of the {' and the '.join(preprocessor.cycles)} (--set calendar=false)."
            if preprocessor.cycles
            else "."
        ),
    ]
    sizes = {name: len(origins) for name, (_, origins) in parts(data, settings).items()}
    said.append(
        f"Windows of {counted(data.history, 'step')} (--history) to forecast the next "
        f"{settings.horizon} (--horizon): {sizes['learn from']:,} to learn from, "
        f"then {sizes['choose weights by']:,} to choose weights by, "
        f"then {sizes['test']:,} held out: {data.validation_set} (--valid FILE)."
    )
    if settings.head == "recursive" and settings.horizon > 1 and past:
        stay = "stays as it was" if len(past) == 1 else "stay as they were"
        said.append(
            f"The recursive head reads its own forecasts back; {', '.join(past)} {stay} last, for the "
            "future is not known (--set known=..., or --set head=direct)."
        )
    logs = [c for c, log in zip(preprocessor.columns, preprocessor.logs, strict=True) if log]
    changes = [
        c
        for c, level in zip(
            preprocessor.columns[: len(past) + 1], preprocessor.levels, strict=False
        )
        if not level
    ]
    base = {
        "last": "last value",
        "mean": "mean",
        "season": f"value {preprocessor.season} steps before",
    }
    said.append(
        f"Forecasts correct the {base[settings.relative_to]} (--set relative_to=...) by "
        f"{settings.loss} loss (--set loss=...); as ratios (--set transform=...): "
        f"{', '.join(logs) or 'nothing'}; by changes alone, as levels that do not come back "
        f"(--set level=...): "
        f"{', '.join(changes) or 'nothing'}. Season: {counted(preprocessor.season, 'step')} (--set season=N)."
    )
    return said


def facts(data: Forecasts) -> dict[str, Any]:
    """How much it is."""
    return {
        "series": len(data.table.series),
        "steps_of_series": sum(len(one) for one in data.table.series),
        "step": data.table.step.name,
    }


def files(data: Forecasts) -> dict[str, bytes]:
    """Nothing: the baselines need no learning."""
    return {}


def load_preprocessor(folder: Path, config: dict[str, Any]) -> ForecastPreprocessor:
    """The scales of a run."""
    return ForecastPreprocessor.load(folder)


def result(trained: Trained, data: Forecasts, watch: Progress) -> dict[str, Any]:
    """The backtest of the held-out part: a forecast from every step that it may start from."""
    windows, origins = parts(data, trained.settings)["test"]
    return backtest(trained.model, windows, origins, trained.settings, trained.device, watch)


def evaluate(
    trained: Trained, path: str, watch: Progress | None = None, **columns: Any
) -> dict[str, Any]:
    """The backtest of a whole table of the run's columns; its first steps are only read."""
    if columns.get("target", trained.preprocessor.target) != trained.preprocessor.target:
        raise UserError(
            f"--target got {columns['target']!r}; this run forecasts {trained.preprocessor.target}. Leave it "
            "out."
        )
    if other := sorted(set(columns) - {"target"}):
        raise UserError(
            f"evaluate got {', '.join(other)}; a forecaster reads the columns that it learned from. "
            "Leave it out, or set it before by run.adjust(skip_bad=True) or run.adjust(missing=...)."
        )
    asked = asked_table(path, trained.preprocessor, trained.settings)
    origins, told = asked.origins(), asked.told
    told += (
        [] if any(asked.begins) else [own_history(asked.windows.table, asked.windows.first, RUN)]
    )
    found = backtest(trained.model, asked.windows, origins, trained.settings, trained.device, watch)
    return {**found, "told": told} if told else found


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """The figures beside the naive ways', and whether the model is better than they are."""
    return report(result, where)


def use_lines(run: str, trained: Trained) -> list[str]:
    """What to type next."""
    return [
        f"  unroll predict {run} FILE.csv --json      unroll predict {run} FILE.csv --out plot.svg",
        f"  unroll eval {run} FILE.csv --json",
    ]


def check(path: str, settings: ForecastSettings, say: Log) -> dict[str, Any]:
    """Rows, series, steps, what is missing, what will be learned from and held out."""
    problems = Problems(skip=True)
    wanted, refused = wanted_of(settings), []
    try:
        table = read_series(path, wanted, problems)
    except UserError as error:
        if settings.missing != "refuse":
            raise
        refused.append(str(error).removesuffix(problems.with_messages("")))
        problems = Problems(skip=True)
        table = read_series(path, replace(wanted, missing="last"), problems)
    try:
        keep = usable(table, settings, problems)
        if keep:
            data = forecasts_of(table, keep, settings, problems)
            resolve(settings, data)
            for sentence in (*table.said, *data.told) if not refused else ():
                say(sentence)
    except UserError as error:
        refused.append(str(error))
    train, valid, season, history = sizes_of(table, settings)
    return {
        "series": len(table.series),
        "steps": sum(len(one) for one in table.series),
        "step": "row" if table.step.loose else table.step.name,
        "from": table.at(min(one.times[0] for one in table.series)),
        "to": table.at(max(one.times[len(one) - 1] for one in table.series)),
        "columns": list(table.columns),
        "words": {name: len(words) for name, words in table.words.items()},
        "missing": table.missing,
        "season": season,
        "history": history,
        "parts": {
            "train": sum(train),
            "choose weights": sum(valid) - sum(train),
            "held out": sum(len(one) for one in table.series) - sum(valid),
        },
        "problems": [*refused, *problems.messages()],
    }


@dataclass(frozen=True)
class Question:
    """One series of some windows, forecast from its last place. told: of its table."""

    windows: Windows
    series: int
    origin: int
    told: tuple[str, ...] = ()


def questions(trained: Trained, path: str) -> Iterator[Question]:
    """Each series of a table of the run's columns; the first tells what there is to say of it."""
    asked = asked_table(path, trained.preprocessor, trained.settings)
    ends = asked.ends()
    for n, (series, origin) in enumerate(ends):
        yield Question(asked.windows, series, origin, () if n else tuple(asked.told))


def answers(trained: Trained, asked: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The forecast from the end of each series, a dictionary: `forecast` holds a row a step, with
    `time`, `value` (the median), `low` and `high` (the band) and all `quantiles`; `told`, what was
    filled, read on or left out.

    asked: a Question; or a dictionary of columns, {"date": [...], "sales": [...]}, or its JSON.
    """
    for one in asked:
        question = one if isinstance(one, Question) else question_of(trained, one)
        windows = question.windows
        found = answer_of(
            windows, question.series, question.origin, trained.settings, from_(trained, windows)
        )
        yield {**found, "told": list(question.told)} if question.told else found


def question_of(trained: Trained, columns: Any) -> Question:
    """The question in a dictionary of columns, or in its JSON."""
    asked = asked_columns(columns, trained.preprocessor, trained.settings)
    ((series, origin),) = asked.ends()
    return Question(asked.windows, series, origin, tuple(asked.told))


def from_(trained: Trained, windows: Windows) -> Forecast:
    """The quantiles that the model says after places of these windows."""
    return lambda origins: forecast(trained.model, windows, origins, trained.device)


def written(answer: dict[str, Any]) -> str:
    """A row a step: the series where there are several, time, forecast, low, high; tabs between."""
    return in_rows(answer)


def picture(trained: Trained, path: str) -> str:
    """An SVG of each series of a table, the first ones of many: its last steps with the forecasts
    that the model would have made of them, points outside the band, and the forecast from its end.
    """
    asked = asked_table(path, trained.preprocessor, trained.settings)
    ends = asked.ends()
    return picture_of(
        asked.windows, ends, trained.settings, from_(trained, asked.windows), asked.told
    )


class ForecastTask(
    Task[
        ForecastSettings,
        Forecasts,
        ForecastPreprocessor,
        Forecaster,
        dict[str, Any],
        dict[str, Any],
    ]
):
    """The task, as the rest of the program calls it."""

    name = "forecast"
    changeable = IN_USE

    def resolve_sizes(self, settings: ForecastSettings, make_cell: MakeCell) -> ForecastSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: ForecastSettings,
        log: Log,
        preprocessor: ForecastPreprocessor | None = None,
    ) -> Forecasts:
        return read(path, settings, log, preprocessor)

    def resolve(self, settings: ForecastSettings, data: Forecasts) -> ForecastSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: ForecastSettings, preprocessor: ForecastPreprocessor, make_cell: MakeCell
    ) -> Forecaster:
        return model(settings, preprocessor, make_cell)

    def objective(
        self, network: Forecaster, data: Forecasts, settings: ForecastSettings, device: torch.device
    ) -> Objective:
        return work(network, data, settings, device)

    def describe(
        self, data: Forecasts, settings: ForecastSettings, network: Forecaster
    ) -> list[str]:
        return header(data, settings, network)

    def metadata(self, data: Forecasts) -> dict[str, object]:
        return facts(data)

    def baseline_files(self, data: Forecasts) -> dict[str, bytes]:
        return files(data)

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> ForecastPreprocessor:
        return load_preprocessor(folder, dict(config))

    def validate(
        self,
        trained: Trained[ForecastSettings, ForecastPreprocessor, Forecaster],
        data: Forecasts,
        progress: Progress,
    ) -> dict[str, Any]:
        return result(trained, data, progress)

    def evaluate(
        self,
        trained: Trained[ForecastSettings, ForecastPreprocessor, Forecaster],
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> dict[str, Any]:
        return evaluate(trained, path, progress, **columns)

    def summarise(self, metrics: dict[str, Any], where: str) -> list[str]:
        return verdict(metrics, where)

    def check(self, path: str, settings: ForecastSettings, log: Log) -> dict[str, object]:
        return check(path, settings, log)

    def predict(
        self,
        trained: Trained[ForecastSettings, ForecastPreprocessor, Forecaster],
        inputs: Iterable[object],
    ) -> Iterator[dict[str, Any]]:
        return answers(trained, inputs)

    def read_inputs(
        self, trained: Trained[ForecastSettings, ForecastPreprocessor, Forecaster], path: str
    ) -> Iterator[object]:
        return questions(trained, path)

    def format_prediction(self, prediction: dict[str, Any]) -> str:
        return written(prediction)

    def plot(
        self, trained: Trained[ForecastSettings, ForecastPreprocessor, Forecaster], path: str
    ) -> str:
        return picture(trained, path)

    def usage(
        self, run: str, trained: Trained[ForecastSettings, ForecastPreprocessor, Forecaster]
    ) -> list[str]:
        return use_lines(run, trained)
