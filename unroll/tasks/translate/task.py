"""Translators: from one sequence to another of another length, learned from pairs.

Many to many, by an encoder and a decoder with attention: languages, dates, numbers, spellings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.skipped import SkippedRecord, checked, predicted_in_place
from unroll.data.split import evenly_spread
from unroll.errors import UserError
from unroll.tasks.base import Log, MakeCell, Progress, Task
from unroll.tasks.grouped import measure_groups
from unroll.tasks.pictures import TaskPicture
from unroll.tasks.translate.baseline import NearestNeighbour
from unroll.tasks.translate.calibration import calibrate, spread_order
from unroll.tasks.translate.decoding import (
    TrainedTranslator,
    TranslatePrediction,
    fitted_weights,
    translate,
)
from unroll.tasks.translate.defaults import DEFAULTS, resolve, resolve_sizes
from unroll.tasks.translate.description import check_report, describe, format_scores, summarise
from unroll.tasks.translate.inputs import check_text, read_sources
from unroll.tasks.translate.memory import TranslationMemory
from unroll.tasks.translate.metrics import TranslateMetrics, measure
from unroll.tasks.translate.network import TranslateNetwork
from unroll.tasks.translate.objective import TranslateObjective
from unroll.tasks.translate.pair_columns import PairNames
from unroll.tasks.translate.pairs import open_further_pairs
from unroll.tasks.translate.pictures import translated_texts
from unroll.tasks.translate.preprocessor import PairPreprocessor
from unroll.tasks.translate.reader import TranslateData, read_pairs
from unroll.tasks.translate.rescoring import FEATURES, NETWORK
from unroll.tasks.translate.settings import SEARCH, TranslateSettings

# that become known pairs: of each second of a budget, and of one of a few seconds; fitted twice and
# indexed, they take a quarter of it
PAIRS_A_SECOND, FEW_PAIRS = 2_000, 20_000
FINAL = 2000  # pairs of the validation set, at most, in the evaluation after training


class TranslateTask(
    Task[
        TranslateSettings,
        TranslateData,
        PairPreprocessor,
        TranslateNetwork,
        TranslateMetrics,
        TranslatePrediction,
    ]
):
    """From pairs of texts to translations of texts."""

    name = "translate"
    input_columns = ("source", "src", "text", "input")
    changeable = (*SEARCH, "source", "target", "skip_bad")
    column_settings = ("source", "target")
    has_groups = True

    def resolve_sizes(self, settings: TranslateSettings, make_cell: MakeCell) -> TranslateSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: TranslateSettings,
        log: Log,
        preprocessor: PairPreprocessor | None = None,
    ) -> TranslateData:
        return read_pairs(path, settings, preprocessor)

    def resolve(self, settings: TranslateSettings, data: TranslateData) -> TranslateSettings:
        source, target = data.file.column_names()
        names = {"source": settings.source or source, "target": settings.target or target}
        return resolve(settings.model_copy(update=names), data)

    def build_network(
        self, settings: TranslateSettings, preprocessor: PairPreprocessor, make_cell: MakeCell
    ) -> TranslateNetwork:
        defaults = DEFAULTS[settings.level]
        return TranslateNetwork(
            len(preprocessor.source),
            len(preprocessor.target),
            settings.embedding or defaults["embedding"],
            settings.hidden or defaults["hidden"],
            settings.layers,
            cell=make_cell,
            encoder_size=settings.encoder_hidden,
            attention=settings.attention,
            coverage=settings.coverage,
            input_feeding=settings.input_feeding,
            joint=preprocessor.joint,
            tie=settings.tie,
            dropout=settings.dropout or 0.0,
            dropout_input=settings.dropout_input or 0.0,
            word_dropout=settings.word_dropout or 0.0,
            initialisation=settings.initialisation,
            candidate_features=0 if preprocessor.floor is None else len(FEATURES),
        )

    def objective(
        self,
        network: TranslateNetwork,
        data: TranslateData,
        settings: TranslateSettings,
        device: torch.device,
    ) -> TranslateObjective:
        return TranslateObjective(network, data, settings, device)

    def describe(
        self, data: TranslateData, settings: TranslateSettings, network: TranslateNetwork
    ) -> list[str]:
        return describe(data, settings)

    def metadata(self, data: TranslateData) -> dict[str, object]:
        return {"pairs": len(data.train) + len(data.valid_pairs)}

    def fit_floor(
        self, data: TranslateData, settings: TranslateSettings, log: Log
    ) -> TranslateData:
        pairs = data.training_pairs
        if settings.seconds is not None:  # a part of many pairs, so that a step fits in too
            few = FEW_PAIRS * min(1.0, settings.seconds)
            most = round(max(few, PAIRS_A_SECOND * settings.seconds))
            rows = evenly_spread(len(pairs), most)
            pairs = [pairs[row] for row in rows]
        return data.with_floor(TranslationMemory.learn(pairs))

    def baseline_files(self, data: TranslateData) -> dict[str, bytes]:
        if data.preprocessor.floor is not None:
            return {}
        return NearestNeighbour(data.training_pairs).files()

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> PairPreprocessor:
        return PairPreprocessor.load(folder)

    def calibrate(
        self, trained: TrainedTranslator, data: TranslateData, progress: Progress
    ) -> list[str] | None:
        if data.preprocessor.floor is None:
            return None
        return calibrate(trained, data, progress)

    def validate(
        self, trained: TrainedTranslator, data: TranslateData, progress: Progress
    ) -> TranslateMetrics:
        rows = spread_order(len(data.valid_pairs), FINAL)
        pairs = [data.valid_pairs[row] for row in rows]
        return measure(trained, pairs, progress)

    def refit_floor(
        self, trained: TrainedTranslator, data: TranslateData, progress: Progress
    ) -> PairPreprocessor | None:
        if data.preprocessor.floor is None:
            return None
        pairs = [*data.preprocessor.floor.pairs, *data.valid_pairs]
        return replace(data.preprocessor, floor=TranslationMemory.learn(pairs))

    def evaluate(
        self,
        trained: TrainedTranslator,
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> TranslateMetrics:
        """Metrics of further pairs; arguments as of `Task.evaluate`.

        Raises:
            UserError: where there is no pair, or no such file or column.
        """
        settings, problems = trained.settings, Problems(trained.settings.skip_bad)
        # where the targets of training were in a second file, so are those of other data
        target = None if trained.preprocessor.parallel else settings.target
        run = PairNames(settings.source, target, trained.named)
        by = columns.get("by")
        file = open_further_pairs(path, run, columns.get("source"), columns.get("target"), by)
        found = list(file.grouped_pairs(problems))
        if not found:
            raise UserError(f"{path} has no pairs. Give a file with at least one pair.")
        pairs = [pair for pair, _ in found]
        metrics = measure(trained, pairs, progress)
        if by is not None:
            metrics["groups"] = measure_groups(
                [group for _, group in found],
                lambda rows: measure(trained, [pairs[row] for row in rows], progress),
            )
        return {**metrics, "skipped": problems.count}

    def summarise(self, metrics: TranslateMetrics, where: str) -> list[str]:
        return summarise(metrics, where)

    def format_metrics(self, metrics: TranslateMetrics) -> str:
        return f"{format_scores(metrics)}  {counted(metrics['pairs'], 'pair')}"

    def check(self, path: str, settings: TranslateSettings, log: Log) -> dict[str, object]:
        return check_report(path, settings)

    def predict(
        self, trained: TrainedTranslator, inputs: Iterable[object]
    ) -> Iterator[TranslatePrediction]:
        settings = trained.settings

        def search(texts: Iterator[str]) -> Iterator[TranslatePrediction]:
            return translate(trained.model, trained.preprocessor, texts, settings, trained.device)

        for each in predicted_in_place(checked(inputs, check_text, settings.skip_bad), search):
            if isinstance(each, SkippedRecord):
                yield cast(TranslatePrediction, {"error": str(each)})
            else:
                yield each

    def read_inputs(self, trained: TrainedTranslator, path: str) -> Iterator[str]:
        settings, parallel = trained.settings, trained.preprocessor.parallel
        return read_sources(
            path,
            settings.source,
            parallel=parallel,
            target=settings.target,
            named=trained.named,
        )

    def format_prediction(self, prediction: TranslatePrediction) -> str:
        if "error" in prediction:
            return f"# skipped: {prediction['error']}"
        if not prediction["others"]:
            return prediction["translation"]
        rows = [prediction, *prediction["others"]]
        return "\n".join(f"{row['score']:.4f}\t{row['translation']}" for row in rows)

    def network_part(self, trained: TrainedTranslator) -> str:
        """How much the network counts in what is predicted."""
        weights = fitted_weights(trained.model, trained.preprocessor, trained.settings)
        if weights is None:
            return ""
        if not weights[list(NETWORK)].any():
            return "it has no part in the choice, which is among outputs made of known pairs"
        return "it writes some candidates and rates all, beside those made of known pairs"

    def pictures(
        self, trained: TrainedTranslator, data: TranslateData, progress: Progress
    ) -> Iterator[TaskPicture]:
        return translated_texts(trained, data, progress)

    def usage(self, run: str, trained: TrainedTranslator) -> list[str]:
        return [
            f'  unroll predict {run} --input "..."',
            f"  unroll predict {run} FILE --out translations.jsonl",
            f"  unroll eval {run} PAIRS --json",
        ]
