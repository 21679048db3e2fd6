"""Captioners: words for an image, learned from a table of images and captions.

One to many, by convolutions and a decoder with attention: photographs, drawings, figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unroll.counting import counted
from unroll.data.problems import Problems
from unroll.data.skipped import SkippedRecord, checked
from unroll.errors import UserError
from unroll.tasks.base import Log, MakeCell, Progress, Task
from unroll.tasks.caption.attention_plot import AttendedImage, draw_attention, read_as_png
from unroll.tasks.caption.baseline import NearestImage
from unroll.tasks.caption.calibration import describe_choice, fit_choice
from unroll.tasks.caption.decoding import (
    CaptionPrediction,
    ImageCaptioner,
    TrainedCaptioner,
)
from unroll.tasks.caption.defaults import (
    EMBEDDING,
    HIDDEN,
    check_image_size,
    resolve,
    resolve_sizes,
)
from unroll.tasks.caption.description import check_report, describe, format_scores, summarise
from unroll.tasks.caption.images import scan_images
from unroll.tasks.caption.inputs import check_image_path, open_image, read_image_paths
from unroll.tasks.caption.metrics import CaptionMetrics, measure
from unroll.tasks.caption.neighbours import KnownImages
from unroll.tasks.caption.network import Captioner
from unroll.tasks.caption.objective import CaptionObjective
from unroll.tasks.caption.pictures import captioned_images
from unroll.tasks.caption.preprocessor import CaptionPreprocessor
from unroll.tasks.caption.reader import CaptionData, encode_rows, read_captions
from unroll.tasks.caption.rows import find_further_captions, read_rows
from unroll.tasks.caption.settings import SEARCH, CaptionSettings
from unroll.tasks.grouped import measure_groups
from unroll.tasks.pictures import TaskPicture
from unroll.training.report import ProgressLog

FINAL = 500  # images of the validation set, at most, in the evaluation after training
DRAWN = 6  # images of a drawing, at most


class CaptionTask(
    Task[
        CaptionSettings,
        CaptionData,
        CaptionPreprocessor,
        Captioner,
        CaptionMetrics,
        CaptionPrediction,
    ]
):
    """From a table of images and captions to captions of images."""

    name = "caption"
    changeable = (*SEARCH, "image", "text", "skip_bad")
    column_settings = ("image", "text")
    has_groups = True

    def resolve_sizes(self, settings: CaptionSettings, make_cell: MakeCell) -> CaptionSettings:
        return resolve_sizes(settings, make_cell)

    def read(
        self,
        path: str,
        settings: CaptionSettings,
        log: Log,
        preprocessor: CaptionPreprocessor | None = None,
    ) -> CaptionData:
        data = read_captions(path, settings, preprocessor, ProgressLog("reading images", log))
        check_image_size(data.preprocessor.size, settings)
        return data

    def resolve(self, settings: CaptionSettings, data: CaptionData) -> CaptionSettings:
        return resolve(settings, data)

    def build_network(
        self, settings: CaptionSettings, preprocessor: CaptionPreprocessor, make_cell: MakeCell
    ) -> Captioner:
        return Captioner(
            len(preprocessor.vocabulary),
            preprocessor.size,
            settings.widths,
            settings.embedding or EMBEDDING,
            settings.hidden or HIDDEN,
            settings.layers,
            cell=make_cell,
            attention=settings.attention,
            tie=settings.tie,
            dropout=settings.dropout or 0.0,
            dropout_input=settings.dropout_input or 0.0,
            word_dropout=settings.word_dropout or 0.0,
            shift=settings.shift or 0,
            initialisation=settings.initialisation,
        )

    def objective(
        self,
        network: Captioner,
        data: CaptionData,
        settings: CaptionSettings,
        device: torch.device,
    ) -> CaptionObjective:
        return CaptionObjective(network, data, settings, device)

    def describe(
        self, data: CaptionData, settings: CaptionSettings, network: Captioner
    ) -> list[str]:
        return describe(data, settings, network)

    def metadata(self, data: CaptionData) -> dict[str, object]:
        return {
            "captions": len(data.train) + len(data.valid),
            "images": data.train.image_count + data.valid.image_count,
        }

    def fit_floor(self, data: CaptionData, settings: CaptionSettings, log: Log) -> CaptionData:
        """Know the images of the training set, whose captions are candidates for similar images."""
        floor = KnownImages.fit(data.train, data.preprocessor.vocabulary)
        return replace(data, preprocessor=replace(data.preprocessor, floor=floor))

    def refit_floor(
        self, trained: TrainedCaptioner, data: CaptionData, progress: Progress
    ) -> CaptionPreprocessor | None:
        """Know the images of the validation set too."""
        preprocessor = trained.preprocessor
        if preprocessor.floor is None or not len(data.valid):
            return None
        valid = KnownImages.fit(data.valid, preprocessor.vocabulary)
        if len(preprocessor.floor.features):
            valid.learn_features(data.valid, trained.model, trained.device)
        return replace(preprocessor, floor=preprocessor.floor.joined(valid))

    def baseline_files(self, data: CaptionData) -> dict[str, bytes]:
        """The nearest image, unless the preprocessor knows the images of the training set."""
        known = data.preprocessor.floor is not None
        return {} if known else NearestImage.fit(data.train).files()

    def load_preprocessor(self, folder: Path, config: Mapping[str, object]) -> CaptionPreprocessor:
        return CaptionPreprocessor.load(folder)

    def calibrate(
        self, trained: TrainedCaptioner, data: CaptionData, progress: Progress
    ) -> list[str]:
        """Fit how much captions of similar images and known captions count in the consensus."""
        floor = trained.preprocessor.floor
        if not trained.settings.consensus or (floor is None and trained.settings.prior is not None):
            return []
        messages = []
        if floor is not None:
            seconds = None if trained.seconds is None else trained.seconds / 2
            if not floor.learn_features(data.train, trained.model, trained.device, seconds):
                messages.append(
                    "Similar images are found by their thumbnails alone: too few --seconds to read "
                    f"{counted(len(floor.captions), 'known image')} with the network."
                )
        choice, scores = fit_choice(trained, data.valid, progress)
        trained.model.prior.fill_(choice.prior)
        if floor is not None:
            floor.by, floor.count, floor.weight = choice.by, choice.count, choice.weight
        return [*messages, *describe_choice(choice, scores)]

    def validate(
        self, trained: TrainedCaptioner, data: CaptionData, progress: Progress
    ) -> CaptionMetrics:
        return measure(trained, data.valid, progress, most=FINAL)

    def evaluate(
        self,
        trained: TrainedCaptioner,
        path: str,
        progress: Progress,
        columns: Mapping[str, str],
    ) -> CaptionMetrics:
        """Metrics of further captions; the captions of one image are its references together.

        Raises:
            UserError: where the table has no caption of a readable image, or cannot be read.
        """
        settings, preprocessor = trained.settings, trained.preprocessor
        problems = Problems(settings.skip_bad)
        table = find_further_captions(
            path, settings, columns.get("image"), columns.get("text"), labelled=True,
            named=trained.named,
        )  # fmt: skip
        by = columns.get("by")
        rows = read_rows(table, problems, by)
        scan = scan_images(rows, preprocessor.size, settings.cache << 20, problems)
        captions = encode_rows(rows, scan.images, preprocessor).subset(scan.readable)
        if not len(captions):
            sentence = f"{path} has nothing to evaluate; expected images with captions."
            raise UserError(problems.with_messages(sentence))
        metrics = measure(trained, captions, progress)
        if by is not None:
            every = np.arange(len(captions))
            metrics["groups"] = measure_groups(
                [rows.groups[row] for row in np.flatnonzero(scan.readable)],
                lambda own: measure(trained, captions.subset(np.isin(every, own)), progress),
            )
        return {**metrics, "skipped": problems.count}

    def summarise(self, metrics: CaptionMetrics, where: str) -> list[str]:
        return summarise(metrics, where)

    def format_metrics(self, metrics: CaptionMetrics) -> str:
        return f"{format_scores(metrics)}  {counted(metrics['images'], 'image')}"

    def check(self, path: str, settings: CaptionSettings, log: Log) -> dict[str, object]:
        return check_report(path, settings)

    def predict(
        self, trained: TrainedCaptioner, inputs: Iterable[object]
    ) -> Iterator[CaptionPrediction]:
        """Captions of images, given by their paths."""
        size, skip_bad = trained.preprocessor.size, trained.settings.skip_bad
        paths, captioner = checked(inputs, check_image_path, skip_bad), ImageCaptioner(trained)
        while group := list(islice(paths, captioner.at_once)):
            opened = [
                str(path) if isinstance(path, SkippedRecord) else open_image(path, size, skip_bad)
                for path in group
            ]
            images = [image for image in opened if isinstance(image, Tensor)]
            captions = iter(captioner(torch.stack(images)) if images else ())
            for path, image in zip(group, opened, strict=True):
                if isinstance(image, str):
                    name = None if isinstance(path, SkippedRecord) else str(path)
                    yield {"image": name, "caption": None, "problem": image}
                else:
                    yield {"image": str(path), **next(captions)}

    def read_inputs(self, trained: TrainedCaptioner, path: str) -> Iterator[str]:
        return read_image_paths(path, trained.settings, trained.named)

    def format_prediction(self, prediction: CaptionPrediction) -> str:
        image, caption = prediction["image"], prediction["caption"]
        if caption is None:
            return f"{image}\t({prediction['problem']})"
        if not prediction["others"]:
            return f"{image}\t{caption}"
        first = f"{image}\t{prediction['score']:.4f}\t{caption}"
        others = (f"{image}\t{o['score']:.4f}\t{o['caption']}" for o in prediction["others"])
        return "\n".join([first, *others])

    def plot(self, trained: TrainedCaptioner, path: str) -> str:
        """The attention of each token, drawn over the first images of a path.

        Raises:
            UserError: where none of these images can be read.
        """
        paths = islice(self.read_inputs(trained, path), DRAWN)
        predictions = self.predict(trained, list(paths))
        drawn = [
            attended_image(each, trained.model.grid) for each in predictions if each["caption"]
        ]
        if not drawn:
            raise UserError(f"{path} holds no image that can be read, so there is nothing to draw.")
        return draw_attention(drawn)

    def network_part(self, trained: TrainedCaptioner) -> str:
        """How much the network counts in what is predicted."""
        floor = trained.preprocessor.floor
        if floor is None or not trained.settings.consensus or not floor.weight:
            return ""
        return (
            f"captions of similar images have a weight of {floor.weight:.0%} beside those it writes"
        )

    def pictures(
        self, trained: TrainedCaptioner, data: CaptionData, progress: Progress
    ) -> Iterator[TaskPicture]:
        """Images of the validation set with captions and attention."""
        return captioned_images(trained, data, progress)

    def usage(self, run: str, trained: TrainedCaptioner) -> list[str]:
        return [
            f"  unroll predict {run} IMAGE",
            f"  unroll predict {run} IMAGE --out words.svg",
            f"  unroll eval {run} CAPTIONS --json",
        ]


def attended_image(prediction: CaptionPrediction, grid: tuple[int, int]) -> AttendedImage:
    """What a drawing shows of the prediction for an image that could be read."""
    path = Path(prediction["image"] or "")
    png, height, width = read_as_png(path)
    title, note = prediction["caption"] or "", f"{path.name}: the redder, the larger the attention"
    return AttendedImage(
        png, height, width, title, note, prediction["tokens"], prediction["attention"], grid
    )
