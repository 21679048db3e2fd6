"""Metrics of a model of frames, beside those of its baselines.

T time, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np

from unroll.counting import counted
from unroll.data.split import count_shared
from unroll.models.classification_metrics import (
    ClassificationMetrics,
    Confusion,
    baseline_metrics,
    classification_metrics,
    confusion_matrix,
    describe_interval,
    most_frequent_mistakes,
)
from unroll.tasks.base import Progress
from unroll.tasks.comparison import comparison_table
from unroll.tasks.frames.baseline import FramesBaselines
from unroll.tasks.frames.dataset import ClipDataset
from unroll.tasks.frames.probabilities import (
    FLOOR_ALONE,
    NETWORK_ALONE,
    TrainedFrames,
    combined_probabilities,
)
from unroll.tasks.reporting import skipped_sentence

MOST_FREQUENT = "most frequent class"


class WholeClipMetrics(TypedDict):
    """Metrics of whole clips, where each frame has a label.

    Attributes:
        records: clips.
        accuracy: share of the clips whose most frequent label is right.
        every_frame: share of the clips where every frame is right.
    """

    records: int
    accuracy: float
    every_frame: float


class FramesBaselineMetrics(TypedDict, total=False):
    """What is compared with a baseline.

    Attributes:
        accuracy: share of the clips, or frames, that are right.
        macro_f1: mean F1 of the classes.
        loss: cross-entropy, nats per record; missing where a baseline has no probabilities.
    """

    accuracy: float
    macro_f1: float
    loss: float


class FramesMetrics(ClassificationMetrics, total=False):
    """Metrics of a model on labelled clips.

    Attributes:
        unit: what has a label: "clips" or "frames".
        truncated: clips that are longer than the model reads.
        in_training: clips that are in the training set too.
        baselines: the metrics of each baseline, by its name.
        classes: the labels, in the order of `confusion`.
        confusion: counts, one row per true class.
        clips: metrics of whole clips, where each frame has a label.
        skipped: bad clips that were skipped.
        groups: the same for the clips of each group, by its name; only where a column names it.
    """

    unit: str
    truncated: int
    in_training: int
    baselines: dict[str, FramesBaselineMetrics]
    classes: list[str]
    confusion: Confusion
    clips: WholeClipMetrics
    skipped: int
    groups: dict[str, FramesMetrics]


def true_classes(dataset: ClipDataset, rows: Iterable[int]) -> np.ndarray:
    """The classes of these clips, or of all their frames, concatenated."""
    return np.concatenate([dataset.target(row) for row in rows])


def smoothed_loss(p: np.ndarray, true: np.ndarray, smoothing: float) -> float:
    """The loss that training minimises, against smoothed targets, in nats per record.

    When to use it: to choose weights. Where all validation clips are right, the plain loss is lowest
    by chance, often early in training.

    Args:
        p: probabilities [R, K].
        true: classes [R].
        smoothing: share of the target that is spread over all classes.
    """
    log_p = np.log(p.clip(1e-12))
    own = log_p[np.arange(len(true)), true]
    return float(-((1 - smoothing) * own + smoothing * log_p.mean(1)).mean())


def whole_clip_metrics(
    probabilities: Sequence[np.ndarray], true: Sequence[np.ndarray]
) -> WholeClipMetrics:
    """Metrics of whole clips from the labels of their frames.

    Args:
        probabilities: of the frames of each clip, [T, K].
        true: the classes of the frames of each clip, [T].

    Examples:
        >>> import numpy as np
        >>> from unroll.tasks.frames.metrics import whole_clip_metrics
        >>> whole_clip_metrics([np.eye(2)[[0, 0, 1]]], [np.array([0, 0, 0])])
        {'records': 1, 'accuracy': 1.0, 'every_frame': 0.0}
    """
    right = every_frame = 0
    for p, classes in zip(probabilities, true, strict=True):
        predicted = p.argmax(1)
        every_frame += bool((predicted == classes).all())
        most_frequent = [
            np.bincount(labels, minlength=p.shape[1]).argmax() for labels in (predicted, classes)
        ]
        right += bool(most_frequent[0] == most_frequent[1])
    clips = len(probabilities)
    return {"records": clips, "accuracy": right / clips, "every_frame": every_frame / clips}


def measure(trained: TrainedFrames, dataset: ClipDataset, progress: Progress) -> FramesMetrics:
    """The metrics of a model on clips, beside those of its baselines.

    Raises:
        UserError: where the file of the baselines is damaged.
    """
    preprocessor, targets = trained.preprocessor, dataset.targets
    each, alone = combined_probabilities(trained, dataset, progress)
    p = np.concatenate(each)
    baselines = FramesBaselines.load(trained.path, len(trained.preprocessor.classes))
    metrics: FramesMetrics = {
        **classification_metrics(p, targets),
        "unit": preprocessor.unit,
        "truncated": dataset.truncated,
        "in_training": count_shared(baselines.train_hashes.tolist(), dataset.content_hashes),
        "baselines": {
            **measure_baselines(baselines, dataset),
            **{name: model_metrics(q, targets) for name, q in alone.items()},
        },
        "classes": preprocessor.classes,
        "confusion": confusion_matrix(p, targets),
    }
    if preprocessor.per_frame:
        true = [dataset.target(row) for row in range(len(dataset))]
        metrics["clips"] = whole_clip_metrics(each, true)
    return metrics


def model_metrics(p: np.ndarray, targets: np.ndarray) -> FramesBaselineMetrics:
    """The metrics of one of the combined models that are compared in a table."""
    found = classification_metrics(p, targets)
    return {"accuracy": found["accuracy"], "macro_f1": found["macro_f1"], "loss": found["loss"]}


def measure_baselines(
    baselines: FramesBaselines, dataset: ClipDataset
) -> dict[str, FramesBaselineMetrics]:
    """The metrics of each baseline, by its name."""
    classes, targets = len(dataset.preprocessor.classes), dataset.targets
    shares = np.broadcast_to(baselines.shares, (len(targets), classes))
    nearest = np.eye(classes)[baselines.centroid(dataset.thumbnails())]
    of_shares, of_nearest = (baseline_metrics(p, targets) for p in (shares, nearest))
    name = "nearest frame" if dataset.preprocessor.per_frame else "nearest mean frame"
    return {
        MOST_FREQUENT: {
            "accuracy": of_shares["accuracy"],
            "macro_f1": of_shares["macro_f1"],
            "loss": of_shares["loss"],
        },
        # the nearest class has no probabilities, so no loss
        name: {"accuracy": of_nearest["accuracy"], "macro_f1": of_nearest["macro_f1"]},
    }


def summarise_metrics(metrics: FramesMetrics, where: str) -> list[str]:
    """The metrics as sentences, beside those of the baselines. where: what was measured on."""
    sentences = [
        f"On {where}, {counted(metrics['records'], metrics['unit'].removesuffix('s'))}:",
        *comparison_table(of_model(metrics), metrics["baselines"], format_row),
    ]
    if "clips" not in metrics:
        sentences += describe_interval(metrics["accuracy"], metrics["records"], "clip")
    else:
        clips = metrics["clips"]
        sentences.append(
            f"In {clips['accuracy']:.2%} of the {counted(clips['records'], 'clip')} the most frequent "
            f"label is right, in {clips['every_frame']:.2%} every frame."
        )
        sentences += describe_interval(clips["accuracy"], clips["records"], "clip")
    if NETWORK_ALONE in metrics["baselines"]:
        of_floor, of_network = (
            metrics["baselines"][name]["accuracy"] for name in (FLOOR_ALONE, NETWORK_ALONE)
        )
        sentences.append(
            f"The network with the {FLOOR_ALONE}: {metrics['accuracy']:.2%}; the {FLOOR_ALONE} alone: "
            f"{of_floor:.2%}, the network alone: {of_network:.2%}."
        )
    name, best = max(metrics["baselines"].items(), key=lambda pair: pair[1]["accuracy"])
    if metrics["accuracy"] < best["accuracy"]:
        sentences.append(f"Worse than the baseline {name}.")
    elif metrics["accuracy"] == best["accuracy"]:
        sentences.append(f"No better than the baseline {name}.")
    mistakes = most_frequent_mistakes(metrics["confusion"], metrics["classes"])
    if mistakes:
        sentences.append(f"Most frequent mistakes (true as predicted): {mistakes}.")
    if metrics["in_training"]:
        known = counted(metrics["in_training"], "clip is", "clips are")
        sentences.append(f"{known} in the training set too.")
    # result.json of earlier versions has "cut"
    truncated = metrics.get("truncated", metrics.get("cut", 0))
    if isinstance(truncated, int) and truncated:
        long = counted(truncated, "clip was", "clips were")
        sentences.append(f"{long} truncated to the frames that the model reads.")
    return sentences + skipped_sentence(metrics.get("skipped", 0), "clip")


def of_model(metrics: FramesMetrics) -> FramesBaselineMetrics:
    """What is compared with baselines."""
    return {
        "accuracy": metrics["accuracy"],
        "macro_f1": metrics["macro_f1"],
        "loss": metrics["loss"],
    }


def format_row(metrics: FramesBaselineMetrics) -> str:
    """The metrics of the model or of a baseline, as they are compared in a table."""
    loss = f"  loss {metrics['loss']:.4f} nats" if "loss" in metrics else ""
    return f"accuracy {metrics['accuracy']:6.2%}  macro F1 {metrics['macro_f1']:.4f}{loss}"
