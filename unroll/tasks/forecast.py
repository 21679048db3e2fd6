"""Forecast: the next values of series over time, with the band they should lie in.

many to many: sales, load, weather, prices.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unroll.data.forecast_codec import ForecastCodec
from unroll.data.forecasts import (
    Forecasts,
    better_naive,
    chosen_history,
    cut,
    parts,
    read_forecasts,
    usable,
    wanted_of,
    windows_of,
)
from unroll.data.problems import Problems
from unroll.data.series_table import read_series, series_of_columns
from unroll.data.split import evenly
from unroll.data.windows import WindowBatch, WindowBatches, Windows
from unroll.decoding.forecast_picture import Panel, Stretch, draw
from unroll.errors import UserError
from unroll.layers import Ridge
from unroll.models.backtest import ROWS, backtest, chunks, forecast
from unroll.models.forecaster import Forecaster, Reading
from unroll.models.initialisation import initialise
from unroll.settings import ForecastSettings
from unroll.tasks.task import Make, Say, Trained, Watch
from unroll.training.work import Work

IN_USE = ("skip_bad", "missing")
WATCHED = 4096  # windows that an evaluation during training reads at most
SHOWN = 5
DRAWN = 8  # series in a picture
PENALTIES = tuple(10.0**k for k in range(-6, 5))


def resolve_sizes(settings: ForecastSettings, make: Make) -> ForecastSettings:
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
    path: str, settings: ForecastSettings, say: Say, codec: ForecastCodec | None = None
) -> Forecasts:
    """The table, cut in time: to learn from, to choose the weights by, held out."""
    return read_forecasts(path, settings, codec)


def resolve(settings: ForecastSettings, data: Forecasts) -> ForecastSettings:
    """Every other setting that was left open.

    Raises: UserError where a part has no window.
    """
    codec, table = data.codec, data.table
    past = table.columns[1 : len(table.columns) - table.ahead]
    settings = settings.model_copy(
        update={
            "time": table.time,
            "target": table.columns[0],
            "covariates": ",".join(past) or None,
            "history": data.history,
            "season": codec.season,
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


def model(settings: ForecastSettings, codec: ForecastCodec, make: Make) -> Forecaster:
    """The network, on the CPU, freshly initialised. make: its cell."""
    past = range(len(codec.columns) - codec.ahead)
    levels = sum(codec.width(k) for k in past if codec.levels[k])
    return Forecaster(
        codec.inputs,
        codec.known,
        settings.horizon,
        settings.hidden or HIDDEN,
        settings.layers,
        cell=make,
        head="linear" if settings.readout == "ridge" else settings.head,
        loss=settings.loss or "quantile",
        levels=settings.levels,
        reading=Reading(0 if codec.levels[0] else None, levels, codec.known, settings.relative_to),
        series=len(codec.scales),
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
    some = chosen_by[evenly(len(chosen_by), WATCHED)]
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

    def solve(watch: Watch) -> list[str]:
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
    watch: Watch,
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
    table, codec = data.table, data.codec
    past = table.columns[1 : len(table.columns) - table.ahead]
    ahead = table.columns[len(table.columns) - table.ahead :]
    steps = sum(len(one) for one in table.series)
    first = min(one.times[0] for one in table.series)
    last = max(one.times[len(one) - 1] for one in table.series)
    many = f"{len(table.series):,} series (--by)" if table.by else "one series (--by)"
    step = f"steps of one {table.step.name}"
    if table.step.loose:
        step = "each row is a step, whenever it is"
    said = [*table.said, *data.told]
    said += [
        f"{table.name}: {many} of {table.columns[0]} (--target) over {table.time} (--time), {steps:,} "
        f"steps from {table.at(first)} to {table.at(last)}; {step} (--set every=...).",
        f"Read beside it up to the present (--covariates): {', '.join(past) or 'nothing'}; known "
        f"ahead (--set known=...): {', '.join(ahead) or 'nothing'}"
        + (
            f", and the time of the {' and the '.join(codec.cycles)} (--set calendar=false)."
            if codec.cycles
            else "."
        ),
    ]
    sizes = {name: len(origins) for name, (_, origins) in parts(data, settings).items()}
    said.append(
        f"Windows of {in_steps(data.history)} (--history) to forecast the next "
        f"{settings.horizon} (--horizon): {sizes['learn from']:,} to learn from, "
        f"then {sizes['choose weights by']:,} to choose weights by, "
        f"then {sizes['test']:,} held out: {data.held_out} (--valid FILE)."
    )
    if settings.head == "recursive" and settings.horizon > 1 and past:
        said.append(
            f"The recursive head reads its own forecasts back; {', '.join(past)} stay in it as they "
            "were last, for their future is not known (--set known=..., or --set head=direct)."
        )
    logs = [c for c, log in zip(codec.columns, codec.logs, strict=True) if log]
    changes = [
        c
        for c, level in zip(codec.columns[: len(past) + 1], codec.levels, strict=False)
        if not level
    ]
    base = {"last": "last value", "mean": "mean", "season": f"value {codec.season} steps before"}
    said.append(
        f"Forecasts correct the {base[settings.relative_to]} (--set relative_to=...) by "
        f"{settings.loss} loss (--set loss=...); as ratios (--set transform=...): "
        f"{', '.join(logs) or 'nothing'}; by changes alone, as levels that do not come back "
        f"(--set level=...): "
        f"{', '.join(changes) or 'nothing'}. Season: {in_steps(codec.season)} (--set season=N)."
    )
    return said


def in_steps(number: int) -> str:
    return "1 step" if number == 1 else f"{number} steps"


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


def load_codec(folder: Path, config: dict[str, Any]) -> ForecastCodec:
    """The scales of a run."""
    return ForecastCodec.load(folder)


def result(trained: Trained, data: Forecasts, watch: Watch) -> dict[str, Any]:
    """The backtest of the held-out part: a forecast from every step that it may start from."""
    windows, origins = parts(data, trained.settings)["test"]
    return backtest(trained.model, windows, origins, trained.settings, trained.device, watch)


def evaluate(
    trained: Trained, path: str, watch: Watch | None = None, **columns: Any
) -> dict[str, Any]:
    """The backtest of a whole table of the run's columns; its first steps are only read."""
    if columns.get("target", trained.codec.target) != trained.codec.target:
        raise UserError(
            f"--target got {columns['target']!r}; this run forecasts {trained.codec.target}. Leave it "
            "out."
        )
    windows, told = opened(trained, path)
    origins = windows.origins()
    if not len(origins):
        raise UserError(
            f"{path} has no series of more than {windows.first + trained.settings.horizon} steps; "
            "expected some, to read a history and compare a horizon. Give more rows."
        )
    left_out = {"left_out": list(told)} if told else {}
    found = backtest(trained.model, windows, origins, trained.settings, trained.device, watch)
    return {**found, **left_out}


def opened(trained: Trained, path: str) -> tuple[Windows, tuple[str, ...]]:
    """The windows of a table of the run's columns, and what was left out of it."""
    settings, codec = trained.settings, trained.codec
    problems = Problems(settings.skip_bad)
    wanted = codec.wanted(settings.missing, settings.zero_is_missing)
    table = read_series(path, wanted, problems)
    codec.check(table)
    return windows_of(table, codec, settings, settings.history), tuple(problems.told())


def verdict(result: dict[str, Any], where: str) -> list[str]:
    """The figures beside the naive ways', and whether the model is better than they are."""
    rows = {"this model": result, **result["baselines"]}
    width = max(map(len, rows))
    said = [
        f"{result['target']} on {where}: {result['forecasts']:,} "
        f"forecast{'' if result['forecasts'] == 1 else 's'} of the next "
        f"{'step' if result['horizon'] == 1 else str(result['horizon']) + ' steps'}:"
    ]
    names = ("mae", "rmse", "mase", "smape", "mape")
    for name, row in rows.items():
        cells = [
            ""
            if row[k] is None
            else f"{k.upper().replace('SMAPE', 'sMAPE')} {row[k]:.4g}"
            + (" %" if k in ("smape", "mape") else "")
            for k in names
        ]
        said.append(f"  {name:{width}}  " + "   ".join(cell for cell in cells if cell))
    said.append(
        f"  {result['coverage']:.1%} of the values lie in the band, which promises "
        f"{result['expected_coverage']:.1%}; quantile loss {result['quantile_loss']:.4g}."
    )
    said += [*against(result), *result.get("left_out", [])]
    if result.get("new_series"):
        said.append(
            f"{result['new_series']:,} of the series were not learned from; they are scaled by their "
            "first steps."
        )
    if result["anomalies"]:
        expected = (1 - result["expected_coverage"]) * result["forecasts"]
        said.append(
            f"{result['anomalies_found']:,} values lie outside the band of the forecast one step "
            f"before (about {expected:,.0f} would by chance); the farthest:"
        )
        said += [
            f"  {one.get('series', '')}{' ' if 'series' in one else ''}{one['time']}: "
            f"{one['value']:.5g}, the band was {one['low']:.5g} to {one['high']:.5g}"
            for one in result["anomalies"][:SHOWN]
        ]
    return said


def against(result: dict[str, Any]) -> list[str]:
    """Whether the model beats persistence, and every other naive way."""
    share, noise = (result["advantage"]["naive"][name] for name in ("share", "noise"))
    if share <= 0:
        said = [
            f"The model does not beat persistence: to say that nothing changes is {-share:.1%} better "
            "(MAE). Do not act on its forecasts as if they knew more."
        ]
    elif noise is None or share < noise:
        chance = "too few windows to tell" if noise is None else f"+- {noise:.1%}"
        said = [
            f"The model does not clearly beat persistence: its MAE is {share:.1%} smaller, which may "
            f"be chance ({chance})."
        ]
    else:
        said = [f"The model beats persistence by {share:.1%} (MAE; +- {noise:.1%})."]
    better = [
        name for name, one in result["advantage"].items() if name != "naive" and one["share"] <= 0
    ]
    if better:
        too = " either" if share <= 0 else ""
        said.append(f"It does not beat {' and '.join(better)}{too}.")
    return said


def use_lines(run: str, trained: Trained) -> list[str]:
    """What to type next."""
    return [
        f"  unroll predict {run} FILE.csv --json      unroll predict {run} FILE.csv --out plot.svg",
        f"  unroll eval {run} FILE.csv --json",
    ]


def check(path: str, settings: ForecastSettings, say: Say) -> dict[str, Any]:
    """Rows, series, steps, what is missing, what will be learned from and held out."""
    problems = Problems(skip=True)
    wanted = wanted_of(settings)
    refused = []
    try:
        table = read_series(path, wanted, problems)
    except UserError as error:
        if settings.missing != "refuse":
            raise
        problems = Problems(skip=True)
        table = read_series(path, replace(wanted, missing="last"), problems)
        refused.append(str(error))
    train, valid = cut(table, apart=settings.valid is not None)
    season = settings.season or table.step.season
    history = settings.history or chosen_history(train, season, settings.horizon)
    try:
        usable(table, train, history, season, settings, problems)
    except UserError as error:
        refused.append(str(error))
    for sentence in table.said if not refused else ():
        say(sentence)
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
        "problems": [*refused, *problems.told()],
    }


@dataclass(frozen=True)
class Question:
    """One series of some windows: forecast from its end. told: what was left out of its table."""

    windows: Windows
    series: int
    told: tuple[str, ...] = ()


def questions(trained: Trained, path: str) -> Iterator[Question]:
    """Each series of a table of the run's columns."""
    windows, told = opened(trained, path)
    for k in range(len(windows.table.series)):
        yield Question(windows, k, told)


def answers(trained: Trained, asked: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The forecast from the end of each series, a dictionary: `forecast` holds a row a step, with
    `time`, `value` (the median), `low` and `high` (the band) and all `quantiles`.

    asked: a Question; or a dictionary of columns, {"date": [...], "sales": [...]}, or its JSON.
    """
    for one in asked:
        question = one if isinstance(one, Question) else asked_of(trained, one)
        yield answer(trained, question)


def asked_of(trained: Trained, columns: Any) -> Question:
    """The question in a dictionary of columns, or in its JSON."""
    settings, codec = trained.settings, trained.codec
    if isinstance(columns, str):
        try:
            columns = json.loads(columns)
        except ValueError as error:
            raise UserError(
                f"The input {columns[:60]!r} is no JSON ({error}); expected an object of columns, "
                f'{{"{codec.time}": [...], "{codec.target}": [...]}}, or give a table.'
            ) from error
    wanted = codec.wanted(settings.missing, settings.zero_is_missing)
    table = series_of_columns(columns, codec.time, codec.columns, wanted)
    codec.check(table)
    return Question(windows_of(table, codec, settings, settings.history), 0)


def answer(trained: Trained, question: Question) -> dict[str, Any]:
    """The forecast from the end of one series."""
    windows, settings = question.windows, trained.settings
    origin = checked_origin(windows, question.series, settings.horizon)
    found = forecast(trained.model, windows, np.array([origin]), trained.device)[0]
    table, one = windows.table, windows.table.series[question.series]
    rows = []
    for k, quantiles in enumerate(found):
        named = dict(zip(map(str, settings.levels), map(float, quantiles), strict=True))
        rows.append(
            {
                "time": table.at(windows.times[origin + 1 + k]),
                "value": named["0.5"],
                "low": float(quantiles[0]),
                "high": float(quantiles[-1]),
                "quantiles": named,
            }
        )
    return {
        **({"series": one.name} if table.by else {}),
        "target": windows.codec.target,
        "from": table.at(windows.times[origin]),
        "last": float(windows.filled[origin]),
        "band": settings.levels[-1] - settings.levels[0],
        "forecast": rows,
        **({"left_out": list(question.told)} if question.told else {}),
    }


def checked_origin(windows: Windows, series: int, horizon: int) -> int:
    """The last place of a series.

    Raises: UserError where it is too short, or what should be known of its future is not there.
    """
    table, one, codec = windows.table, windows.table.series[series], windows.codec
    name = f"the series {one.name}" if one.name else "the series"
    if len(one) <= windows.first:
        raise UserError(
            f"{table.name}: {name} has {len(one)} steps up to its last {codec.target}; expected more "
            f"than {windows.first}, the history that the model reads."
        )
    past = len(codec.columns) - codec.ahead
    future = one.values[len(one) : len(one) + horizon, past:]
    if codec.ahead and (len(future) < horizon or np.isnan(future).any()):
        raise UserError(
            f"{table.name}: {name} says too little of its future. After its last {codec.target}, at "
            f"{table.at(one.times[len(one) - 1])}, expected {horizon} more rows without it and with "
            f"{', '.join(codec.columns[past:])}."
        )
    return int(windows.ends[series]) - 1


def written(answer: dict[str, Any]) -> str:
    """A row a step: the series where there are several, time, forecast, low, high; tabs between.

    What was left out of the table stands before it, after a #.
    """
    first = [answer["series"]] if "series" in answer else []
    rows = [
        "\t".join([*first, row["time"], *(f"{row[k]:.6g}" for k in ("value", "low", "high"))])
        for row in answer["forecast"]
    ]
    return "\n".join([*(f"# {sentence}" for sentence in answer.get("left_out", [])), *rows])


def picture(trained: Trained, path: str) -> str:
    """An SVG of each series of a table, the first DRAWN of them: its last steps with the forecasts
    that the model would have made of them, points outside the band, and the forecast from its end.
    """
    windows, _ = opened(trained, path)
    settings, middle = trained.settings, trained.settings.levels.index(0.5)
    K, panels = settings.horizon, []
    names = [one.name for one in windows.table.series]
    for k, one in enumerate(windows.table.series[:DRAWN]):
        end = checked_origin(windows, k, K)
        backtested = max(1, min((len(one) - windows.first - 1) // K, 120 // K))
        origins = np.array([end - K * n for n in range(backtested, -1, -1)])
        origins = origins[origins - windows.starts[k] >= windows.first]
        begin = max(int(windows.starts[k]), int(origins[0]) - max(20, K))
        found = forecast(trained.model, windows, origins, trained.device)
        stretches = [
            Stretch(
                range(origin + 1 - begin, origin + 1 + K - begin),
                quantiles[:, middle].tolist(),
                quantiles[:, 0].tolist(),
                quantiles[:, -1].tolist(),
            )
            for origin, quantiles in zip(origins.tolist(), found, strict=True)
        ]
        times = windows.times[begin : end + 1 + K]
        title = f"{windows.codec.target}{f' of {one.name}' if one.name else ''}"
        panels.append(
            Panel(
                title,
                windows.values[begin : end + 1].tolist(),
                stretches,
                [windows.table.at(time) for time in times],
            )
        )
    band = settings.levels[-1] - settings.levels[0]
    more = f" The first {DRAWN} of {len(names)} series." if len(names) > DRAWN else ""
    return draw(
        panels,
        f"Black: the values. Blue: forecasts of {K} {'step' if K == 1 else 'steps'}, and the band that "
        f"should hold {band:.0%} of the values. Red: outside of it. Dashed: the end of the data.{more}",
    )
