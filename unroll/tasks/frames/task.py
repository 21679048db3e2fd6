"""Frames: a label for each clip, or for each of its frames.

Many to one, or many to many: actions and gestures in video, what happens when, and sequences of
numbers from a tracker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from unroll.counting import counted
from unroll.data.media_table import RunColumns
from unroll.data.problems import Problems
from unroll.data.skipped import SkippedRecord, checked
from unroll.errors import UserError
from unroll.tasks.base import Log, MakeCell, Progress, Task
from unroll.tasks.frames.baseline import FramesBaselines
from unroll.tasks.frames.dataset import ClipDataset, encode_clips, join_datasets
from unroll.tasks.frames.description import check_report, describe_data, metadata
from unroll.tasks.frames.floor import FramesFloor
from unroll.tasks.frames.inputs import ClipInput, check_wide_table, parse_input, read_inputs
from unroll.tasks.frames.metrics import (
    FramesMetrics,
    format_row,
    measure,
    of_model,
    summarise_metrics,
)
from unroll.tasks.frames.network import Framewise
from unroll.tasks.frames.objective import FramesObjective
from unroll.tasks.frames.pictures import shown_clips
from unroll.tasks.frames.predictions import (
    FramesPrediction,
    format_prediction,
    predict_clip,
)
from unroll.tasks.frames.preprocessor import FramesPreprocessor
from unroll.tasks.frames.probabilities import TrainedFrames, fit_shares
from unroll.tasks.frames.reader import FramesData, find_source, load_source, read_data
from unroll.tasks.frames.settings import (
    BATCH_FRAMES,
    BATCH_SIZE,
    DROPOUT,
    FEATURES,
    HIDDEN,
    LEARNING_RATE,
    OTHER_LEARNING_RATE,
    FramesSettings,
)
from unroll.tasks.frames.video import BadClip
from unroll.tasks.grouped import measure_groups
from unroll.tasks.pictures import TaskPicture
from unroll.tasks.sizes import stack_output_size
from unroll.training.report import ProgressLog


class FramesTask(
    Task[
        FramesSettings,
        FramesData,
        FramesPreprocessor,
        Framewise,
        FramesMetrics,
        FramesPrediction,
    ]
):
    """Convolutions for each frame, and recurrent layers over the frames of a clip."""

    name = "frames"
    changeable = ("video", "label", "by", "label_names", "rate", "cache", "skip_bad")
    column_settings = ("video", "label")
    has_groups = True

    # before and during training

    def resolve_sizes(self, settings: FramesSettings, make_cell: MakeCell) -> FramesSettings:
        """Choose the sizes that were left open, and make each cell once."""
        hidden, directions = settings.hidden or HIDDEN, 2 if settings.bidirectional else 1
        stack_output_size(make_cell, settings.embedding or FEATURES, hidden, settings, directions)
        return settings.model_copy(update={"hidden": hidden})

    def read(
        self,
        path: str,
        settings: FramesSettings,
        log: Log,
        preprocessor: FramesPreprocessor | None = None,
    ) -> FramesData:
        """Read a table of clips, a wide table, or a folder of clips for each class."""
        return read_data(path, settings, ProgressLog("reading clips", log), preprocessor)

    def resolve(self, settings: FramesSettings, data: FramesData) -> FramesSettings:
        """Choose every other setting that was left open; columns by the names that were found."""
        batch_size, are_pictures = BATCH_SIZE, data.preprocessor.scaler is None
        if are_pictures:
            median = max(1, int(np.median(data.train.lengths)))
            batch_size = max(1, min(BATCH_SIZE, BATCH_FRAMES // median))
        usual_rate = LEARNING_RATE if settings.optimizer == "adamw" else OTHER_LEARNING_RATE
        return settings.model_copy(
            update={
                "video": settings.video or data.source.video,
                "label": settings.label or data.source.label,
                "per": "frame" if data.preprocessor.per_frame else "clip",
                "embedding": (settings.embedding or FEATURES) if are_pictures else None,
                "batch_size": settings.batch_size or batch_size,
                "dropout": DROPOUT if settings.dropout is None else settings.dropout,
                "learning_rate": settings.learning_rate or usual_rate,
            }
        )

    def build_network(
        self, settings: FramesSettings, preprocessor: FramesPreprocessor, make_cell: MakeCell
    ) -> Framewise:
        """Convolutions, recurrent layers, pooling and a last layer, with fresh weights.

        Raises:
            UserError: where the sizes do not fit the frames: too many blocks, for instance.
        """
        widths = settings.widths
        try:
            return Framewise(
                preprocessor.inputs,
                len(preprocessor.classes),
                settings.hidden or HIDDEN,
                settings.layers,
                feature_size=settings.embedding or FEATURES,
                widths=None if widths is None else [int(width) for width in widths.split(",")],
                cell=make_cell,
                bidirectional=settings.bidirectional,
                pooling=None if preprocessor.per_frame else settings.pooling,
                dropout=settings.dropout or 0.0,
                label_smoothing=settings.label_smoothing,
                initialisation=settings.initialisation,
                combined=preprocessor.floor is not None,
            )
        except ValueError as error:
            raise UserError(str(error)) from error

    def objective(
        self, network: Framewise, data: FramesData, settings: FramesSettings, device: torch.device
    ) -> FramesObjective:
        """Cross-entropy of the training set."""
        return FramesObjective(network, data, settings, device)

    def describe(self, data: FramesData, settings: FramesSettings, network: Framewise) -> list[str]:
        """What was read and guessed, each choice with the flag that changes it."""
        return describe_data(data, settings, network)

    def metadata(self, data: FramesData) -> dict[str, object]:
        """How many clips, classes (their names, of at most 100) and frames there are."""
        return metadata(data)

    def fit_floor(self, data: FramesData, settings: FramesSettings, log: Log) -> FramesData:
        """Fit random convolutions, or a ridge regression of single frames, on the training set."""
        floor = fit_to_clips(data.train, settings)
        return replace(data, preprocessor=replace(data.preprocessor, floor=floor))

    def calibrate(
        self, trained: TrainedFrames, data: FramesData, progress: Progress
    ) -> list[str] | None:
        """Fit how much the network and the simple model count, on the validation set."""
        shares = fit_shares(trained, data.valid, progress)
        if shares is None or trained.model.shares is None:
            return None
        trained.model.shares.copy_(torch.from_numpy(shares))
        return [
            f"The network is combined with a simple model (--set floor=none leaves it out): log p = "
            f"{shares[0]:.2f} log p of the network + {shares[1]:.2f} scores of the simple model, fitted "
            "on the validation set."
        ]

    def refit_floor(
        self, trained: TrainedFrames, data: FramesData, progress: Progress
    ) -> FramesPreprocessor | None:
        """Fit the simple model on the validation set too."""
        if trained.preprocessor.floor is None or not len(data.valid):
            return None
        floor = fit_to_clips(join_datasets([data.train, data.valid]), trained.settings)
        return replace(trained.preprocessor, floor=floor)

    def baseline_files(self, data: FramesData) -> dict[str, bytes]:
        """The baselines, and content hashes of the training set."""
        return FramesBaselines.fit(data.train).files()

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> FramesPreprocessor:
        """The preprocessor that a run folder holds."""
        return FramesPreprocessor.load(folder)

    # metrics

    def validate(
        self, trained: TrainedFrames, data: FramesData, progress: Progress
    ) -> FramesMetrics:
        """Metrics of the validation set, beside those of the baselines."""
        return measure(trained, data.valid, progress)

    def evaluate(
        self,
        trained: TrainedFrames,
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> FramesMetrics:
        """Metrics of further labelled clips, beside those of the baselines.

        Raises:
            UserError: where there is no labelled clip, or the data does not fit the run.
        """
        self.check_columns(columns)
        settings, preprocessor = trained.settings, trained.preprocessor
        problems = Problems(settings.skip_bad)
        run = columns_of(trained)
        check_wide_table(path, preprocessor, replace(run, value=columns.get("label", run.value)))
        asked = {"by": None, "video": None, "label": None, **columns}
        source = find_source(path, settings.model_copy(update=asked), run=run)
        clips = load_source(
            preprocessor, source, settings, problems, lambda share: progress(share / 2)
        )
        dataset = encode_clips(clips, preprocessor, problems)
        if not len(dataset):
            raise UserError(f"{path} has nothing to evaluate; expected clips with labels.")
        metrics = measure(trained, dataset, lambda share: progress(0.5 + share / 2))
        if asked["by"] is not None:
            metrics["groups"] = measure_groups(
                [clip.group or "" for clip in dataset.clips],
                lambda rows: measure(trained, dataset.take(rows), progress),
            )
        return {**metrics, "skipped": problems.count}

    def summarise(self, metrics: FramesMetrics, where: str) -> list[str]:
        """The metrics as a table beside the baselines, and what is remarkable."""
        return summarise_metrics(metrics, where)

    def format_metrics(self, metrics: FramesMetrics) -> str:
        """The metrics of a group in one line."""
        unit = metrics["unit"].removesuffix("s")
        return f"{format_row(of_model(metrics))}  {counted(metrics['records'], unit)}"

    def check(self, path: str, settings: FramesSettings, log: Log) -> dict[str, object]:
        """Rows, labels, lengths, duplicates and bad clips."""
        problems = Problems(skip=True)
        progress = ProgressLog("reading clips", log)
        return check_report(read_data(path, settings, progress, problems=problems), problems)

    # predictions

    def read_inputs(self, trained: TrainedFrames, path: str) -> Iterator[ClipInput | SkippedRecord]:
        """The clips that a table names, those in a folder, the rows of a wide table, or one clip."""
        return read_inputs(
            path, trained.preprocessor, columns_of(trained), trained.settings.skip_bad
        )

    def step_size(self, preprocessor: FramesPreprocessor) -> int | None:
        """F, of clips of numbers."""
        return None if preprocessor.scaler is None else preprocessor.reading.shape[0]

    def predict(
        self, trained: TrainedFrames, inputs: Iterable[object]
    ) -> Iterator[FramesPrediction]:
        """The label of each clip, or of its frames; with `skip_bad`, the `error` of a bad clip."""
        parse = partial(parse_input, preprocessor=trained.preprocessor)
        for given in checked(inputs, parse, trained.settings.skip_bad):
            if isinstance(given, SkippedRecord):
                yield {"error": str(given)}
                continue
            try:
                clip = given.clip or trained.preprocessor.reading(given.name)
            except BadClip as error:
                if not trained.settings.skip_bad:
                    raise
                yield {"clip": given.name, "error": str(error)}
                continue
            yield predict_clip(trained, given.name, clip)

    def format_prediction(self, prediction: FramesPrediction) -> str:
        """The label and its probability, or the segments, and the clip."""
        return format_prediction(prediction)

    def network_part(self, trained: TrainedFrames) -> str:
        """How much the network counts in what is predicted."""
        shares = trained.model.shares
        if trained.preprocessor.floor is None or shares is None:
            return ""
        own, simple = shares.tolist()
        return f"its log-probabilities count {own:.2f}, the scores of the simple model {simple:.2f}"

    def pictures(
        self, trained: TrainedFrames, data: FramesData, progress: Progress
    ) -> Iterator[TaskPicture]:
        """All records with their probabilities, and some clips frame by frame."""
        return shown_clips(trained, data, progress)

    def usage(self, run: str, trained: TrainedFrames) -> list[str]:
        """Commands that predict and evaluate."""
        clip = "FILE.csv" if trained.preprocessor.scaler is not None else "CLIP.mp4"
        return [
            f"  unroll predict {run} {clip}",
            f"  unroll predict {run} NEW.csv --out predictions.jsonl",
            f"  unroll eval {run} FILE --json",
        ]


def columns_of(trained: TrainedFrames) -> RunColumns:
    """The columns that a run reads."""
    return RunColumns(trained.settings.video, trained.settings.label, trained.named)


def fit_to_clips(dataset: ClipDataset, settings: FramesSettings) -> FramesFloor:
    """The simple model, fitted to a set of clips."""
    preprocessor = dataset.preprocessor
    return FramesFloor.fit(
        dataset.frame_columns(),
        dataset.lengths,
        dataset.targets,
        len(preprocessor.classes),
        per_frame=preprocessor.per_frame,
        are_pictures=preprocessor.scaler is None,
        seed=settings.seed,
        seconds=settings.seconds,
    )
