"""How well a classifier does on labelled records, beside its baselines."""

from __future__ import annotations

import numpy as np
import torch

from unroll.counting import counted, listed
from unroll.data.bucketed import longest_first
from unroll.data.split import count_shared
from unroll.models.classification_metrics import (
    BaselineMetrics,
    ClassificationMetrics,
    ClassMetrics,
    Confusion,
    baseline_metrics,
    class_metrics,
    classification_metrics,
    confusion_matrix,
    describe_interval,
    most_frequent_mistakes,
)
from unroll.models.log_linear import scores_to_probabilities
from unroll.tasks.base import Progress, Trained
from unroll.tasks.classify.baseline import ClassifyBaselines
from unroll.tasks.classify.labelled import LabelledSequences, make_batch
from unroll.tasks.classify.network import Classifier
from unroll.tasks.classify.ordinal import OrdinalMetrics, describe_ordinal, ordinal_metrics
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor
from unroll.tasks.classify.settings import ClassifySettings
from unroll.tasks.comparison import comparison_table
from unroll.tasks.reporting import skipped_sentence

ALONE = "network alone"  # the name of that row
MOST_LINES = 20  # classes that are a line each
BATCH = 128  # records of a batch that is only read

TrainedClassifier = Trained[ClassifySettings, ClassifyPreprocessor, Classifier]


class ClassifyMetrics(ClassificationMetrics, total=False):
    """Metrics of a classifier on labelled records.

    Attributes:
        uncalibrated_error: the calibration error of the network alone at temperature 1.
        temperature: what the logits of the network alone are divided by.
        shares: what the logits of the network and of the simple model are multiplied by, by name,
            empty where there is no simple model.
        unit: what a record is: "texts" or "sequences".
        unknown_rate: share of the tokens that are not in the vocabulary.
        truncated: records that are longer than the network reads.
        in_training: records that are in the training set too.
        baselines: the metrics of each baseline, by its name.
        classes: the labels, in the order of `confusion`.
        confusion: counts, one row per true class; where a record may have several classes, for each
            class [[neither, only predicted], [only true, both]].
        per_class: precision, recall and F1 of each class.
        ordinal: how far predictions are off, where the labels are whole numbers in a row.
        unseen: records with a label that is no class of the model; they count as wrong.
        unseen_labels: those labels.
        skipped: bad records that were skipped.
        groups: the same for the records of each group, by its name; only where a column names it.
    """

    uncalibrated_error: float
    temperature: float
    shares: dict[str, float]
    unit: str
    unknown_rate: float
    truncated: int
    in_training: int
    baselines: dict[str, BaselineMetrics]
    classes: list[str]
    confusion: Confusion
    per_class: list[ClassMetrics]
    ordinal: OrdinalMetrics
    unseen: int
    unseen_labels: list[str]
    skipped: int
    groups: dict[str, ClassifyMetrics]


def predict_probabilities(
    network: Classifier,
    records: LabelledSequences,
    device: torch.device,
    progress: Progress | None = None,
) -> np.ndarray:
    """The probability of each class, for each record in order, with the simple model if there is one.

    Args:
        network: is put into eval mode.
        records: labelled or not.
        device: where the network is.
        progress: called with the share that is done.

    Returns:
        Probabilities [R, K], float64.
    """
    z = predict_logits(network, records, device, progress)
    return to_probabilities(network, z, records.floor_logits)


def to_probabilities(
    network: Classifier, logits: np.ndarray, floor_logits: np.ndarray | None
) -> np.ndarray:
    """Probabilities [R, K] from the logits of a network, and of the simple model where given."""
    floor = None if floor_logits is None else torch.from_numpy(floor_logits)
    shares, temperature = network.shares, network.temperature.double().cpu()
    z = torch.from_numpy(logits)
    if shares is None or floor is None:
        z = z / temperature
    else:
        own = shares.double().cpu()
        z = own[0] * z + own[1] * floor
    p: np.ndarray = (z.sigmoid() if network.multi_label else z.softmax(-1)).numpy()
    return p


@torch.no_grad()
def predict_logits(
    network: Classifier,
    records: LabelledSequences,
    device: torch.device,
    progress: Progress | None = None,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """The logits of the network alone, for each record in order.

    Args:
        network: is put into eval mode.
        records: labelled or not.
        device: where the network is.
        progress: called with the share that is done.
        rows: which records. Default: all.

    Returns:
        Logits [R, K], float64.
    """
    network.eval()
    rows = np.arange(len(records)) if rows is None else rows
    logits = np.zeros((len(rows), network.decide.out_features))
    done = 0
    for places in longest_first(records.lengths[rows], BATCH):
        batch = make_batch(records, rows[places].tolist()).to(device)
        z = network(batch.x, batch.lengths, batch.count_scores)
        logits[places] = z.cpu().numpy()
        done += len(places)
        if progress is not None:
            progress(done / len(rows))
    return logits


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
    logits = predict_logits(trained.model, records, trained.device, progress)
    p = to_probabilities(trained.model, logits, records.floor_logits)
    uncalibrated = scores_to_probabilities(logits, preprocessor.multi_label)
    baselines = ClassifyBaselines.load(trained.path, preprocessor)
    compared = baselines.probabilities(records) | compare_parts(trained.model, records, logits)
    confusion = confusion_matrix(p, targets)
    ordinal = None
    if not preprocessor.multi_label:
        ordinal = ordinal_metrics(confusion, preprocessor.classes)  # type: ignore[arg-type]
    metrics: ClassifyMetrics = {
        **classification_metrics(p, targets, records.unseen),
        "shares": fitted_shares(trained.model, records),
        "uncalibrated_error": classification_metrics(uncalibrated, targets)["calibration_error"],
        "temperature": float(trained.model.temperature),
        "unit": preprocessor.record_unit,
        "unknown_rate": records.unknown / max(1, len(records.items)),
        "truncated": records.truncated,
        "in_training": count_shared(
            baselines.train_hashes.tolist(), records.content_hashes.tolist()
        ),
        "baselines": {
            name: baseline_metrics(q, targets, records.unseen) for name, q in compared.items()
        },
        "classes": preprocessor.classes,
        "confusion": confusion,
        "per_class": class_metrics(p, targets, preprocessor.classes),
        "unseen": sum(map(bool, records.unseen)),
        "unseen_labels": records.unseen_labels,
    }
    return metrics if ordinal is None else {**metrics, "ordinal": ordinal}


def compare_parts(
    network: Classifier, records: LabelledSequences, logits: np.ndarray
) -> dict[str, np.ndarray]:
    """The probabilities [R, K] of the simple model and of the network alone, by name, where both are.

    Args:
        network: calibrated.
        records: with the simple model.
        logits: of the network alone, [R, K].
    """
    floor_logits = records.floor_logits
    if records.floor is None or floor_logits is None:
        return {}
    return {
        records.floor.title: scores_to_probabilities(floor_logits, network.multi_label),
        ALONE: to_probabilities(network, logits, None),
    }


def fitted_shares(network: Classifier, records: LabelledSequences) -> dict[str, float]:
    """What the logits of the network and of the simple model are multiplied by, by name."""
    if records.floor is None or network.shares is None:
        return {}
    own, simple = network.shares.tolist()
    return {"network": own, records.floor.title: simple}


def summarise_metrics(metrics: ClassifyMetrics, where: str) -> list[str]:
    """The metrics as sentences. where: what was measured on."""
    record = metrics["unit"].removesuffix("s")
    sentences = [
        f"On {where}, {counted(metrics['records'], record)}:",
        *comparison_table(metrics, metrics["baselines"], format_row),
        *describe_interval(metrics["accuracy"], metrics["records"], record),
        *describe_ordinal(metrics.get("ordinal")),
        describe_calibration(metrics),
        *describe_gain(metrics),
    ]
    mistakes = most_frequent_mistakes(metrics["confusion"], metrics["classes"])
    if mistakes:
        sentences.append(f"Most frequent mistakes (true as predicted): {mistakes}.")
    sentences += class_table(metrics.get("per_class", []))
    if metrics.get("unseen"):
        wrong = counted(metrics["unseen"], f"{record} has", f"{record}s have")
        sentences.append(
            f"{wrong} a label that is no class of the model "
            f"({listed(metrics['unseen_labels'])}): counted as wrong."
        )
    if metrics["in_training"]:
        known = counted(metrics["in_training"], f"{record} is", f"{record}s are")
        sentences.append(f"{known} in the training set too.")
    if metrics["truncated"]:
        long = counted(metrics["truncated"], f"{record} was", f"{record}s were")
        sentences.append(f"{long} truncated to the length that the model reads.")
    if metrics["unknown_rate"]:
        sentences.append(f"{metrics['unknown_rate']:.2%} of the tokens are not in the vocabulary.")
    return sentences + skipped_sentence(metrics.get("skipped", 0))


def class_table(classes: list[ClassMetrics]) -> list[str]:
    """One line for each class, where there are few."""
    if not 0 < len(classes) <= MOST_LINES:
        return []
    width = max(len("class"), *(len(each["label"]) for each in classes))
    return [
        f"  {'class':{width}}  precision   recall       F1  records",
        *(
            f"  {each['label']:{width}}  {each['precision']:9.2%}  {each['recall']:7.2%}  "
            f"{each['f1']:7.4f}  {each['records']:7,}"
            for each in classes
        ),
    ]


def describe_calibration(metrics: ClassifyMetrics) -> str:
    """How far confidence and accuracy differ, and what the probabilities were fitted with."""
    error = f"Expected calibration error {metrics['calibration_error']:.2%}"
    shares = metrics.get("shares")
    if shares:
        each = " and ".join(f"{share:.2f} of the {name}" for name, share in shares.items())
        return f"{error}; the logits are {each}."
    return (
        f"{error} at temperature {metrics['temperature']:.2f}; "
        f"{metrics['uncalibrated_error']:.2%} at temperature 1."
    )


def describe_gain(metrics: ClassifyMetrics) -> list[str]:
    """Whether the network earns its seconds, where there is a simple model."""
    title = next((name for name in metrics.get("shares", {}) if name != "network"), None)
    if title is None:
        return []
    simple, alone = metrics["baselines"][title], metrics["baselines"][ALONE]
    return [
        f"The network with the {title}: {metrics['accuracy']:.2%}; the {title} alone: "
        f"{simple['accuracy']:.2%}, the network alone: {alone['accuracy']:.2%} (--set floor=none)."
    ]


def format_row(metrics: BaselineMetrics) -> str:
    """The metrics of the model or of a baseline, as they are compared in a table."""
    return (
        f"accuracy {metrics['accuracy']:6.2%}  macro F1 {metrics['macro_f1']:.4f}  "
        f"micro F1 {metrics['micro_f1']:.4f}  loss {metrics['loss']:.4f} nats"
    )
