"""How well a classifier does on labelled records, beside its baselines."""

from __future__ import annotations

import numpy as np
import torch

from unroll.counting import counted
from unroll.data.bucketed import longest_first
from unroll.data.split import count_shared
from unroll.models.classification_metrics import (
    BaselineMetrics,
    ClassificationMetrics,
    Confusion,
    baseline_metrics,
    classification_metrics,
    confusion_matrix,
    describe_interval,
    most_frequent_mistakes,
)
from unroll.tasks.base import Progress, Trained
from unroll.tasks.classify.baseline import ClassifyBaselines
from unroll.tasks.classify.calibration import apply_temperature
from unroll.tasks.classify.labelled import LabelledSequences, make_batch
from unroll.tasks.classify.network import Classifier
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor
from unroll.tasks.classify.settings import ClassifySettings
from unroll.tasks.comparison import comparison_table
from unroll.tasks.reporting import skipped_sentence

BATCH = 128  # records of a batch that is only read

TrainedClassifier = Trained[ClassifySettings, ClassifyPreprocessor, Classifier]


class ClassifyMetrics(ClassificationMetrics, total=False):
    """Metrics of a classifier on labelled records.

    Attributes:
        uncalibrated_error: the calibration error at temperature 1.
        temperature: what the logits are divided by.
        unit: what a record is: "texts" or "sequences".
        unknown_rate: share of the tokens that are not in the vocabulary.
        truncated: records that are longer than the network reads.
        in_training: records that are in the training set too.
        baselines: the metrics of each baseline, by its name.
        classes: the labels, in the order of `confusion`.
        confusion: counts, one row per true class; where a record may have several classes, for each
            class [[neither, only predicted], [only true, both]].
        skipped: bad records that were skipped.
    """

    uncalibrated_error: float
    temperature: float
    unit: str
    unknown_rate: float
    truncated: int
    in_training: int
    baselines: dict[str, BaselineMetrics]
    classes: list[str]
    confusion: Confusion
    skipped: int


@torch.no_grad()
def predict_probabilities(
    network: Classifier,
    records: LabelledSequences,
    device: torch.device,
    progress: Progress | None = None,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """The probability of each class, for each record in order.

    Args:
        network: is put into eval mode.
        records: labelled or not.
        device: where the network is.
        progress: called with the share that is done.
        rows: which records. Default: all.

    Returns:
        Probabilities [R, K], float64.
    """
    network.eval()
    rows = np.arange(len(records)) if rows is None else rows
    probabilities = np.zeros((len(rows), network.decide.out_features))
    done = 0
    for places in longest_first(records.lengths[rows], BATCH):
        batch = make_batch(records, rows[places].tolist()).to(device)
        p = network.probabilities(batch.x, batch.lengths, batch.count_scores)
        probabilities[places] = p.cpu().numpy()
        done += len(places)
        if progress is not None:
            progress(done / len(rows))
    return probabilities


def compare_with_baselines(
    trained: TrainedClassifier, records: LabelledSequences, progress: Progress
) -> ClassifyMetrics:
    """The metrics of a trained classifier on records, beside those of its baselines.

    Args:
        trained: with the run folder that has the baselines.
        records: labelled.
        progress: called with the share that is done.

    Raises:
        UserError: where the file of the baselines is damaged.
    """
    preprocessor, targets = trained.preprocessor, records.targets
    p = predict_probabilities(trained.model, records, trained.device, progress)
    temperature = float(trained.model.temperature)
    uncalibrated = apply_temperature(p, 1 / temperature, preprocessor.multi_label)
    baselines = ClassifyBaselines.load(trained.path, preprocessor)
    return {
        **classification_metrics(p, targets),
        "uncalibrated_error": classification_metrics(uncalibrated, targets)["calibration_error"],
        "temperature": temperature,
        "unit": preprocessor.record_unit,
        "unknown_rate": records.unknown / max(1, len(records.items)),
        "truncated": records.truncated,
        "in_training": count_shared(
            baselines.train_hashes.tolist(), records.content_hashes.tolist()
        ),
        "baselines": {
            name: baseline_metrics(q, targets)
            for name, q in baselines.probabilities(records).items()
        },
        "classes": preprocessor.classes,
        "confusion": confusion_matrix(p, targets),
    }


def summarise_metrics(metrics: ClassifyMetrics, where: str) -> list[str]:
    """The metrics as sentences. where: what was measured on."""
    record = metrics["unit"].removesuffix("s")
    sentences = [
        f"On {where}, {counted(metrics['records'], record)}:",
        *comparison_table(metrics, metrics["baselines"], format_row),
        *describe_interval(metrics["accuracy"], metrics["records"], record),
        f"Expected calibration error {metrics['calibration_error']:.2%} at temperature "
        f"{metrics['temperature']:.2f}; {metrics['uncalibrated_error']:.2%} at temperature 1.",
    ]
    mistakes = most_frequent_mistakes(metrics["confusion"], metrics["classes"])
    if mistakes:
        sentences.append(f"Most frequent mistakes (true as predicted): {mistakes}.")
    if metrics["in_training"]:
        known = counted(metrics["in_training"], f"{record} is", f"{record}s are")
        sentences.append(f"{known} in the training set too.")
    if metrics["truncated"]:
        long = counted(metrics["truncated"], f"{record} was", f"{record}s were")
        sentences.append(f"{long} truncated to the length that the model reads.")
    if metrics["unknown_rate"]:
        sentences.append(f"{metrics['unknown_rate']:.2%} of the tokens are not in the vocabulary.")
    return sentences + skipped_sentence(metrics.get("skipped", 0))


def format_row(metrics: BaselineMetrics) -> str:
    """The metrics of the model or of a baseline, as they are compared in a table."""
    return (
        f"accuracy {metrics['accuracy']:6.2%}  macro F1 {metrics['macro_f1']:.4f}  "
        f"micro F1 {metrics['micro_f1']:.4f}  loss {metrics['loss']:.4f} nats"
    )
