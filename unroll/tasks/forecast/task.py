"""Forecasts: the next values of series over time, with the band they should lie in.

Many to many: sales, load, weather, prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from unroll.counting import counted
from unroll.errors import UserError
from unroll.tasks.base import Log, MakeCell, Progress, Task, Trained
from unroll.tasks.forecast.autoregression import feature_count
from unroll.tasks.forecast.backtest import ForecastMetrics, backtest, forecast_quantiles
from unroll.tasks.forecast.continuation import describe_own_history
from unroll.tasks.forecast.defaults import HIDDEN, resolve, resolve_sizes
from unroll.tasks.forecast.description import check_report, describe, describe_shared
from unroll.tasks.forecast.floor_data import fit_combination, with_all_rows, with_floor
from unroll.tasks.forecast.floor_file import check_sizes
from unroll.tasks.forecast.inputs import (
    RUN,
    ForecastInput,
    input_from_columns,
    read_input_table,
)
from unroll.tasks.forecast.network import ForecastNetwork, TargetInputs
from unroll.tasks.forecast.objective import ForecastObjective
from unroll.tasks.forecast.pictures import shown_forecasts
from unroll.tasks.forecast.plot import plot_series
from unroll.tasks.forecast.predictions import (
    ForecastPrediction,
    Quantify,
    format_rows,
    predict_series,
)
from unroll.tasks.forecast.preprocessor import ForecastPreprocessor
from unroll.tasks.forecast.reader import ForecastData, read_forecast_data
from unroll.tasks.forecast.settings import ForecastSettings
from unroll.tasks.forecast.summary import format_errors, summarise
from unroll.tasks.forecast.windows import ForecastWindows
from unroll.tasks.grouped import measure_groups
from unroll.tasks.pictures import TaskPicture

TrainedForecaster = Trained[ForecastSettings, ForecastPreprocessor, ForecastNetwork]


class ForecastTask(
    Task[
        ForecastSettings,
        ForecastData,
        ForecastPreprocessor,
        ForecastNetwork,
        ForecastMetrics,
        ForecastPrediction,
    ]
):
    """One recurrent network for all series of a table, backtested beside naive forecasts.

    The table is split in time. What `validate` measures on is the test set; the validation set
    between it and the training set chooses the weights.
    """

    name = "forecast"
    changeable = ("skip_bad", "missing", "decimal", "thousands")
    column_settings = ("target",)
    has_groups = True

    def resolve_sizes(self, settings: ForecastSettings, make_cell: MakeCell) -> ForecastSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: ForecastSettings,
        log: Log,
        preprocessor: ForecastPreprocessor | None = None,
    ) -> ForecastData:
        return read_forecast_data(path, settings, preprocessor)

    def fit_floor(self, data: ForecastData, settings: ForecastSettings, log: Log) -> ForecastData:
        found, series = with_floor(data, settings), len(data.table.series)
        floor = found.preprocessor.floor
        if floor is not None and series > floor.fitted:
            log(describe_shared(series, floor.fitted))
        return found

    def refit_floor(
        self, trained: TrainedForecaster, data: ForecastData, progress: Progress
    ) -> ForecastPreprocessor | None:
        return with_all_rows(data, trained.settings)

    def calibrate(
        self, trained: TrainedForecaster, data: ForecastData, progress: Progress
    ) -> list[str] | None:
        return fit_combination(trained.model, data, trained.settings, trained.device)

    def resolve(self, settings: ForecastSettings, data: ForecastData) -> ForecastSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: ForecastSettings, preprocessor: ForecastPreprocessor, make_cell: MakeCell
    ) -> ForecastNetwork:
        combined = preprocessor.floor is not None
        target = TargetInputs(
            0 if preprocessor.levels[0] else None, preprocessor.level_count, preprocessor.known,
            "floor" if combined else settings.relative_to,
        )  # fmt: skip
        return ForecastNetwork(
            preprocessor.inputs,
            preprocessor.known,
            settings.horizon,
            settings.hidden or HIDDEN,
            settings.layers,
            cell=make_cell,
            head="linear" if settings.readout == "ridge" else settings.head,
            loss=settings.loss or "quantile",
            levels=settings.levels,
            target=target,
            series=len(preprocessor.scales),
            embedding_size=settings.embedding or 0,
            dropout=settings.dropout or 0.0,
            initialisation=settings.initialisation,
            combined=combined,
            sizes_bands=preprocessor.floor is not None and preprocessor.floor.sizes_bands,
        )

    def objective(
        self,
        network: ForecastNetwork,
        data: ForecastData,
        settings: ForecastSettings,
        device: torch.device,
    ) -> ForecastObjective:
        return ForecastObjective(network, data, settings, device)

    def describe(
        self, data: ForecastData, settings: ForecastSettings, network: ForecastNetwork
    ) -> list[str]:
        return describe(data, settings)

    def metadata(self, data: ForecastData) -> dict[str, object]:
        table = data.table
        return {
            "series": len(table.series),
            "steps_of_series": table.steps,
            "step": table.step.name,
        }

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> ForecastPreprocessor:
        learned = ForecastPreprocessor.load(folder)
        if learned.floor is not None:
            settings = ForecastSettings.model_validate(config["settings"])
            features = feature_count(
                settings.history or 1, learned.inputs, learned.level_count, learned.known,
                learned.turn_count,
            )  # fmt: skip
            check_sizes(learned.floor, folder, settings.horizon, features)
        return learned

    def validate(
        self, trained: TrainedForecaster, data: ForecastData, progress: Progress
    ) -> ForecastMetrics:
        windows, origins = data.window_sets(trained.settings).test
        return backtest(trained.model, windows, origins, trained.settings, trained.device, progress)

    def evaluate(
        self,
        trained: TrainedForecaster,
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> ForecastMetrics:
        """Metrics of a backtest over a further table; arguments as of `Task.evaluate`.

        Raises:
            UserError: where another target is named, or the table cannot be read or forecast.
        """
        target = trained.preprocessor.target
        if columns.get("target", target) != target:
            raise UserError(
                f"--target got {columns['target']!r}; this run forecasts {target}. Leave it out."
            )
        by, own = columns.get("by"), trained.preprocessor.by
        if by not in (None, own):
            expected = "leave it out" if own is None else f"expected {own}, which names the series"
            raise UserError(f"--by got {by!r}; groups of a forecast are its series: {expected}.")
        table = read_input_table(path, trained.preprocessor, trained.settings)
        origins, messages = table.origins(), table.all_messages()
        windows = table.windows
        if not any(table.begins):
            messages.append(describe_own_history(windows.table, windows.first, RUN))

        def measure(rows: Sequence[int]) -> ForecastMetrics:
            settings, device = trained.settings, trained.device
            return backtest(trained.model, windows, origins[rows], settings, device, progress)

        metrics = measure(range(len(origins)))
        if by is not None:
            names = [windows.table.series[k].name for k in windows.series_of[origins]]
            known = [row for row, name in enumerate(names) if name in metrics.get("series", names)]
            metrics["groups"] = measure_groups(
                [names[row] for row in known], lambda rows: measure([known[row] for row in rows])
            )
        if messages:
            metrics["messages"] = messages
        return metrics

    def summarise(self, metrics: ForecastMetrics, where: str) -> list[str]:
        return summarise(metrics, where)

    def format_metrics(self, metrics: ForecastMetrics) -> str:
        return f"{format_errors(metrics)}   {counted(metrics['forecasts'], 'forecast')}"

    def check(self, path: str, settings: ForecastSettings, log: Log) -> dict[str, object]:
        return check_report(path, settings, log)

    def predict(
        self, trained: TrainedForecaster, inputs: Iterable[object]
    ) -> Iterator[ForecastPrediction]:
        for given in inputs:
            if isinstance(given, ForecastInput):
                one = given
            else:
                one = input_from_columns(given, trained.preprocessor, trained.settings)
            yield predict_series(one, trained.settings, quantify_by(trained, one.windows))

    def read_inputs(self, trained: TrainedForecaster, path: str) -> Iterator[ForecastInput]:
        yield from read_input_table(path, trained.preprocessor, trained.settings).inputs()

    def predicts_rows(self, trained: TrainedForecaster) -> bool:
        return False

    def prediction_rows(self, prediction: ForecastPrediction) -> list[dict[str, object]]:
        first: dict[str, object] = (
            {"series": prediction["series"]} if "series" in prediction else {}
        )
        return [
            {
                **first,
                "time": step["time"],
                "prediction": step["value"],
                "low": step["low"],
                "high": step["high"],
            }
            for step in prediction["forecast"]
        ]

    def format_prediction(self, prediction: ForecastPrediction) -> str:
        return format_rows(prediction)

    def plot(self, trained: TrainedForecaster, path: str) -> str:
        table = read_input_table(path, trained.preprocessor, trained.settings)
        inputs = table.inputs()
        quantify = quantify_by(trained, table.windows)
        return plot_series(inputs, trained.settings, quantify, table.all_messages())

    def network_part(self, trained: TrainedForecaster) -> str:
        """How much the network counts in what is predicted."""
        if trained.model.combination is None:
            return ""
        shares = [float(share) for share in trained.model.combination.share]
        low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
        counts = low if low == high else f"{low} to {high}, by the step of the horizon"
        return f"its correction of the simple model counts {counts}"

    def pictures(
        self, trained: TrainedForecaster, data: ForecastData, progress: Progress
    ) -> Iterator[TaskPicture]:
        return shown_forecasts(trained, data, progress)

    def usage(self, run: str, trained: TrainedForecaster) -> list[str]:
        return [
            f"  unroll predict {run} FILE.csv --json      unroll predict {run} FILE.csv --out plot.svg",
            f"  unroll eval {run} FILE.csv --json",
        ]


def quantify_by(trained: TrainedForecaster, windows: ForecastWindows) -> Quantify:
    """The quantiles that a trained model gives after origins in these windows."""
    return lambda origins: forecast_quantiles(trained.model, windows, origins, trained.device)
