"""Classify: one label, or several, for each text or sequence of numbers.

Many to one: sentiment, topics, intents; gestures, sensors, digits row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.skipped import SkippedRecord, checked
from unroll.errors import UserError
from unroll.models.log_linear import fit_log_linear, scores_to_probabilities
from unroll.tasks.base import Log, MakeCell, Progress, Task
from unroll.tasks.classify.baseline import ClassifyBaselines
from unroll.tasks.classify.budget_rates import fit_to_budget, fits_budget
from unroll.tasks.classify.calibration import NETWORK_AND_FLOOR, fit_temperature
from unroll.tasks.classify.counts import ORDERS
from unroll.tasks.classify.description import check_data, describe_data
from unroll.tasks.classify.floor import FloorOptions, fit_classify_floor, refit_classify_floor
from unroll.tasks.classify.labelled import encode_records
from unroll.tasks.classify.metrics import (
    BATCH,
    ClassifyMetrics,
    TrainedClassifier,
    compare_with_baselines,
    format_row,
    predict_logits,
    summarise_metrics,
)
from unroll.tasks.classify.network import Classifier
from unroll.tasks.classify.objective import ClassifyObjective
from unroll.tasks.classify.pictures import classified_records
from unroll.tasks.classify.predictions import (
    ClassifyPrediction,
    format_prediction,
    predict_batch,
    read_input_file,
)
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor
from unroll.tasks.classify.reader import ClassifyData, check_same_kind, read_data, with_columns
from unroll.tasks.classify.settings import (
    BATCH_SIZE,
    DROPOUT,
    EMBEDDING,
    HIDDEN,
    LEARNING_RATES,
    SMALL_EPOCHS,
    SMALL_STEPS,
    ClassifySettings,
)
from unroll.tasks.classify.source import join_columns, new_source
from unroll.tasks.grouped import measure_groups
from unroll.tasks.pictures import TaskPicture
from unroll.tasks.sizes import stack_output_size
from unroll.training.budget import small_epochs

MOST_COLUMNS = 10  # classes whose probabilities are columns of a table


class ClassifyTask(
    Task[
        ClassifySettings,
        ClassifyData,
        ClassifyPreprocessor,
        Classifier,
        ClassifyMetrics,
        ClassifyPrediction,
    ]
):
    """A label, or several, for each text or sequence of numbers."""

    name = "classify"
    changeable = ("text", "label", "skip_bad", "attributions")
    column_settings = ("text", "label")
    has_groups = True

    # before and during training

    def resolve_sizes(self, settings: ClassifySettings, make_cell: MakeCell) -> ClassifySettings:
        """Choose the sizes that were left open, and make a cell of each layer once."""
        hidden = settings.hidden or HIDDEN
        embedding = settings.embedding or EMBEDDING[settings.level]
        directions = 2 if settings.bidirectional else 1
        stack_output_size(make_cell, embedding, hidden, settings, directions)
        return settings.model_copy(update={"hidden": hidden, "embedding": embedding})

    def read(
        self,
        path: str,
        settings: ClassifySettings,
        log: Log,
        preprocessor: ClassifyPreprocessor | None = None,
    ) -> ClassifyData:
        """Read a table of labelled texts or numbers, or a folder for each class."""
        return read_data(path, settings, preprocessor)

    def fit_floor(self, data: ClassifyData, settings: ClassifySettings, log: Log) -> ClassifyData:
        """A linear model of n-grams, or of random convolutions where the records are numbers."""
        options = floor_options(settings, data.preprocessor)
        valid = data.valid.with_known_labels()
        floor = fit_classify_floor(data.train.floor_inputs, valid.floor_inputs, options)
        return replace(
            data,
            preprocessor=replace(data.preprocessor, floor=floor),
            train=replace(data.train, floor=floor),
            valid=replace(data.valid, floor=floor),
        )

    def refit_floor(
        self, trained: TrainedClassifier, data: ClassifyData, progress: Progress
    ) -> ClassifyPreprocessor | None:
        """The simple model of training set and validation set, for further records."""
        floor = trained.preprocessor.floor
        if floor is None:
            return None
        options = floor_options(trained.settings, trained.preprocessor)
        everything = data.train.joined(data.valid.with_known_labels()).floor_inputs
        refitted = refit_classify_floor(floor, everything, options)
        return replace(trained.preprocessor, floor=refitted)

    def resolve(self, settings: ClassifySettings, data: ClassifyData) -> ClassifySettings:
        """Choose every other setting that was left open; columns by the names that were found."""
        source, preprocessor = data.source, data.preprocessor
        epochs = small_epochs(settings, SMALL_EPOCHS, len(data.train.items), SMALL_STEPS)
        settings = settings.model_copy(update={"epochs": epochs})
        if fits_budget(settings, preprocessor):
            settings = fit_to_budget(settings, data)
        dropout = DROPOUT if settings.dropout is None else settings.dropout
        dropout_input = settings.dropout_input
        if dropout_input is None:
            dropout_input = 0.0 if preprocessor.scaler is not None else dropout
        return settings.model_copy(
            update={
                "text": settings.text or source.text,
                "label": settings.label or source.label,
                "columns": join_columns(source) or settings.columns,
                "counts": preprocessor.counts is not None,
                "batch_size": settings.batch_size or BATCH_SIZE,
                "dropout": dropout,
                "dropout_input": dropout_input,
                "learning_rate": settings.learning_rate or LEARNING_RATES[settings.optimizer],
            }
        )

    def build_network(
        self, settings: ClassifySettings, preprocessor: ClassifyPreprocessor, make_cell: MakeCell
    ) -> Classifier:
        """Embedding, recurrent layers, pooling and a last layer, with fresh weights."""
        network = Classifier(
            preprocessor.inputs,
            len(preprocessor.classes),
            settings.hidden or HIDDEN,
            settings.layers,
            embedding_size=None if preprocessor.scaler is not None else settings.embedding,
            cell=make_cell,
            bidirectional=settings.bidirectional,
            pooling=settings.pooling,
            multi_label=preprocessor.multi_label,
            dropout=settings.dropout or 0.0,
            dropout_input=settings.dropout_input or 0.0,
            word_dropout=settings.word_dropout,
            label_smoothing=settings.label_smoothing,
            orders=0 if preprocessor.counts is None else len(ORDERS),
            has_floor=preprocessor.floor is not None,
            initialisation=settings.initialisation,
        )
        if settings.readout == "ridge" and network.embedding is not None:
            # embeddings that are not learned must be large enough to move the reservoir
            nn.init.normal_(network.embedding.weight)
        return network

    def objective(
        self,
        network: Classifier,
        data: ClassifyData,
        settings: ClassifySettings,
        device: torch.device,
    ) -> ClassifyObjective:
        """Cross-entropy of the training set."""
        return ClassifyObjective(network, data, settings, device)

    def describe(
        self, data: ClassifyData, settings: ClassifySettings, network: Classifier
    ) -> list[str]:
        """What was read and guessed, each choice with the flag that changes it."""
        return describe_data(data, settings)

    def metadata(self, data: ClassifyData) -> dict[str, object]:
        """How many records, classes (their names, of at most 100) and steps there are."""
        classes = data.preprocessor.classes
        return {
            "records": len(data.train) + len(data.valid),
            "classes": classes if len(classes) <= 100 else len(classes),
            "steps": len(data.train.items) + len(data.valid.items),
        }

    def baseline_files(self, data: ClassifyData) -> dict[str, bytes]:
        """The baselines, and content hashes of the training set."""
        return ClassifyBaselines.fit(data.train, data.valid, data.preprocessor).files()

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> ClassifyPreprocessor:
        """The preprocessor that a run folder holds."""
        return ClassifyPreprocessor.load(folder)

    def calibrate(
        self, trained: TrainedClassifier, data: ClassifyData, progress: Progress
    ) -> list[str]:
        """Fit the temperature of the kept weights, or how much network and simple model count."""
        temperature, shares = trained.model.temperature, trained.model.shares
        valid = data.valid.with_known_labels()
        z = predict_logits(trained.model, valid, trained.device, progress)
        p = scores_to_probabilities(z, trained.preprocessor.multi_label)
        temperature.fill_(fit_temperature(p, valid.targets))
        floor, floor_logits = valid.floor, valid.floor_logits
        if shares is None or floor is None or floor_logits is None:
            return [
                f"Calibrated with temperature {float(temperature):.2f}, fitted on the validation set."
            ]
        both = np.stack([z, floor_logits], 1)
        network, simple = fit_log_linear(both, valid.targets, NETWORK_AND_FLOOR).tolist()
        shares.copy_(torch.tensor([network, simple]))
        return [
            f"The logits of the network count {network:.2f}, those of the {floor.title} "
            f"{simple:.2f}, fitted on the validation set (--set floor=none)."
        ]

    # metrics

    def validate(
        self, trained: TrainedClassifier, data: ClassifyData, progress: Progress
    ) -> ClassifyMetrics:
        """Metrics of the validation set, beside those of the baselines."""
        return compare_with_baselines(trained, data.valid, progress)

    def evaluate(
        self,
        trained: TrainedClassifier,
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> ClassifyMetrics:
        """Metrics of further labelled records, beside those of the baselines.

        Raises:
            UserError: where there is no labelled record, or the data does not fit the run.
        """
        self.check_columns(columns)
        settings, problems = (
            with_columns(trained.settings, trained.preprocessor),
            Problems(trained.settings.skip_bad),
        )
        source = new_source(
            path,
            settings,
            labelled=True,
            text=columns.get("text"),
            label=columns.get("label"),
            by=columns.get("by"),
            named=trained.named,
        )
        check_same_kind(source, trained.preprocessor)
        refuse_long = settings.too_long == "refuse"
        records = encode_records(
            source.read(problems), trained.preprocessor, problems, refuse_long=refuse_long
        )
        if not len(records):
            raise UserError(f"{path} has nothing to evaluate; expected records with labels.")
        metrics = compare_with_baselines(trained, records, progress)
        if "by" in columns:
            metrics["groups"] = measure_groups(
                records.groups,
                lambda rows: compare_with_baselines(trained, records.take(rows), progress),
            )
        return {**metrics, "skipped": problems.count}

    def summarise(self, metrics: ClassifyMetrics, where: str) -> list[str]:
        """The metrics as a table beside the baselines, and what is remarkable."""
        return summarise_metrics(metrics, where)

    def format_metrics(self, metrics: ClassifyMetrics) -> str:
        """The metrics of a group in one line."""
        return f"{format_row(metrics)}  {counted(metrics['records'], 'record')}"

    def check(self, path: str, settings: ClassifySettings, log: Log) -> dict[str, object]:
        """Rows, labels, lengths, unknown tokens, duplicates and bad records."""
        return check_data(path, settings)

    # predictions

    def step_size(self, preprocessor: ClassifyPreprocessor) -> int | None:
        """F, of a classifier of numbers."""
        return None if preprocessor.scaler is None else len(preprocessor.scaler.names)

    def prediction_rows(self, prediction: ClassifyPrediction) -> list[dict[str, object]]:
        """One row: the label, its probability, and where there are few classes that of each."""
        (row,) = super().prediction_rows(prediction)
        probabilities = prediction.get("probabilities", {})
        if len(probabilities) <= MOST_COLUMNS:
            named = {f"probability_{name}": p for name, p in sorted(probabilities.items())}
            error = {"error": row.pop("error")} if "error" in row else {}
            row = {**row, **named, **error}
        return [row]

    def predicts_rows(self, trained: TrainedClassifier) -> bool:
        """Whether a row is an input: not where a sequence has several rows."""
        return trained.preprocessor.scaler is None

    def predict(
        self, trained: TrainedClassifier, inputs: Iterable[object]
    ) -> Iterator[ClassifyPrediction]:
        """The label and the probabilities of each text, or of each sequence of numbers."""
        waiting = checked(inputs, trained.preprocessor.check_input, trained.settings.skip_bad)
        while some := list(islice(waiting, BATCH)):
            values = [each for each in some if not isinstance(each, SkippedRecord)]
            predictions = iter(predict_batch(trained, values) if values else ())
            for each in some:
                yield {"error": each} if isinstance(each, SkippedRecord) else next(predictions)

    def read_inputs(self, trained: TrainedClassifier, path: str) -> Iterator[object]:
        """The texts or the sequences of numbers that a file holds."""
        return read_input_file(trained, path)

    def format_prediction(self, prediction: ClassifyPrediction) -> str:
        """The label, its probability, the text, and the strongest attributions."""
        return format_prediction(prediction)

    def network_part(self, trained: TrainedClassifier) -> str:
        """How much the network counts in what is predicted."""
        floor, shares = trained.preprocessor.floor, trained.model.shares
        if floor is None or shares is None:
            return ""
        own, simple = shares.tolist()
        return f"its logits count {own:.2f}, those of the {floor.title} {simple:.2f}"

    def pictures(
        self, trained: TrainedClassifier, data: ClassifyData, progress: Progress
    ) -> Iterator[TaskPicture]:
        """The records of the validation set with their probabilities."""
        return classified_records(trained, data, progress)

    def usage(self, run: str, trained: TrainedClassifier) -> list[str]:
        """Commands that predict and evaluate."""
        one = [f'  unroll predict {run} --input "..."']
        return [
            *(one if trained.preprocessor.scaler is None else []),
            f"  unroll predict {run} NEW.csv --out predictions.jsonl",
            f"  unroll eval {run} FILE --json",
        ]


def floor_options(settings: ClassifySettings, preprocessor: ClassifyPreprocessor) -> FloorOptions:
    """How the simple model of a run is fitted."""
    return FloorOptions(
        classes=len(preprocessor.classes),
        lower=settings.lower,
        balanced=settings.class_weights == "balanced",
        seed=settings.seed,
        seconds=settings.seconds,
    )
