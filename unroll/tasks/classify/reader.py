"""Labelled records from a path: training set, validation set, and a preprocessor of the first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unroll.data.class_labels import different_classes
from unroll.data.problems import Problems
from unroll.data.records import Record
from unroll.data.split import (
    keep_unseen_labels_in_training,
    validation_groups,
    validation_rows,
)
from unroll.errors import UserError
from unroll.tasks.classify.counts import NgramCounts
from unroll.tasks.classify.labelled import LabelledSequences, encode_records
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor, learn_preprocessor
from unroll.tasks.classify.settings import ClassifySettings
from unroll.tasks.classify.source import ClassifySource, find_source, validation_source

ENOUGH = 20  # records from which on labels that hardly repeat are refused


@dataclass(frozen=True)
class ClassifyData:
    """A training set and a validation set.

    Attributes:
        source: where the records come from.
        preprocessor: learned from the training set, or the run's own where a run is resumed.
        train: the training set.
        valid: the validation set.
        sha256: of all records.
        validation_set: what the validation set is, for people.
        kept_in_training: records that were chosen for the validation set and stayed in the training
            set, because no other record has their label.
        warnings: sentences on bad records that were skipped.
    """

    source: ClassifySource
    preprocessor: ClassifyPreprocessor
    train: LabelledSequences
    valid: LabelledSequences
    sha256: str
    validation_set: str
    kept_in_training: int
    warnings: tuple[str, ...]


def read_data(
    path: str, settings: ClassifySettings, preprocessor: ClassifyPreprocessor | None = None
) -> ClassifyData:
    """The training set and the validation set at a path.

    Args:
        path: a table, or a folder for each class.
        settings: what to read, and how.
        preprocessor: the run's own where a run is resumed. Default: learned from the training set.

    Raises:
        UserError: for data that cannot be used.
    """
    problems = Problems(settings.skip_bad)
    source = find_source(path, with_columns(settings, preprocessor))
    scan = scan_records(source, problems)
    sha256 = scan.sha256
    is_validation, kept_in_training = np.zeros(len(scan.labels), dtype=bool), 0
    share = "a tenth" if len(is_validation) <= 50_000 else "a small part"
    where = f"{share} of the records of {Path(path).name}"
    if settings.valid is None and settings.by is not None:
        is_validation, groups = validation_groups(scan.groups)
        held_out = len({group for k, group in enumerate(scan.groups) if is_validation[k]})
        where = f"those of {held_out} of {groups} in column {settings.by} of {Path(path).name}"
    elif settings.valid is None:
        chosen = validation_rows(len(scan.labels))
        is_validation, kept_in_training = keep_unseen_labels_in_training(chosen, scan.labels)

    def records(validation: bool) -> Iterator[Record]:
        for k, record in enumerate(source.read(Problems(skip=True))):
            if is_validation[k] == validation:
                yield record

    is_new = preprocessor is None
    if preprocessor is None:
        preprocessor = learn_preprocessor(lambda: records(False), scan.labels, settings, source)
    refuse_long = settings.too_long == "refuse"
    train = encode_records(records(False), preprocessor, problems, refuse_long=refuse_long)
    if is_new and uses_counts(settings, preprocessor) and len(train):
        K = len(preprocessor.classes)
        counts = NgramCounts.learn(train.items, train.starts, train.targets, preprocessor.inputs, K)
        preprocessor = replace(preprocessor, counts=counts)
    train = replace(train, counts=preprocessor.counts, were_counted=True, floor=preprocessor.floor)
    if settings.valid is None:
        valid = encode_records(records(True), preprocessor, problems, refuse_long=refuse_long)
    else:
        where = settings.valid
        other = validation_source(settings, source)
        check_same_kind(other, preprocessor)
        valid = encode_records(
            other.read(problems), preprocessor, problems, refuse_long=refuse_long
        )
        hashes = str(valid.content_hashes.tolist())
        sha256 = hashlib.sha256((sha256 + hashes).encode()).hexdigest()
    if not len(train) or not len(valid.with_known_labels()):
        raise UserError(
            f"{path} leaves {len(train)} records for the training set and {len(valid)} for the "
            f"validation set ({where}); expected some of each. Give more records."
        )
    return ClassifyData(
        source=source,
        preprocessor=preprocessor,
        train=train,
        valid=valid,
        sha256=sha256,
        validation_set=where,
        kept_in_training=kept_in_training,
        warnings=tuple(problems.messages()),
    )


@dataclass(frozen=True)
class ClassifyScan:
    """What a first reading of all records finds.

    Attributes:
        labels: those of every record.
        groups: that of every record.
        sha256: of all texts or numbers and their labels.
    """

    labels: list[tuple[str, ...]]
    groups: list[str]
    sha256: str


def scan_records(source: ClassifySource, problems: Problems) -> ClassifyScan:
    """Read everything once, so that every bad record is found here.

    Raises:
        UserError: where there are too few records, or too few labels, or labels that hardly repeat.
    """
    digest, labels, groups = hashlib.sha256(), [], []
    for record in source.read(problems):
        labels.append(record.labels)
        groups.append(record.group)
        digest.update(json.dumps(record.labels).encode())
        value = record.value
        digest.update(value.encode() if isinstance(value, str) else value.tobytes())
        digest.update(b"\0")
    kinds = different_classes(label for each in labels for label in each)
    if len(labels) < 2 or not kinds or (len(kinds) < 2 and all(len(each) == 1 for each in labels)):
        trouble = (
            f"{source.name} holds {len(labels)} records with {len(kinds)} different labels; "
            "expected at least 2 of each, so that there is something to tell apart."
        )
        raise UserError(problems.with_messages(trouble))
    if len(labels) > ENOUGH and len(kinds) > len(labels) / 2:
        where = f" in column {source.label}" if source.label else ""
        raise UserError(
            f"{source.name} holds {len(kinds):,} different labels{where} in {len(labels):,} records; "
            "expected labels that repeat. Name another column by --label."
        )
    return ClassifyScan(labels, groups, digest.hexdigest())


def uses_counts(settings: ClassifySettings, preprocessor: ClassifyPreprocessor) -> bool:
    """Whether scores by counting are added: by default for words, where there is no simple model."""
    if settings.counts is None:
        return (
            preprocessor.scaler is None
            and settings.level != "char"
            and settings.readout == "gradient"
            and settings.floor == "none"
        )
    return settings.counts and preprocessor.scaler is None


def with_columns(
    settings: ClassifySettings, preprocessor: ClassifyPreprocessor | None
) -> ClassifySettings:
    """Settings that name the columns of numbers that a run has learned from, where it has."""
    if preprocessor is None or preprocessor.scaler is None or settings.columns is not None:
        return settings
    return settings.model_copy(update={"columns": ",".join(preprocessor.scaler.names)})


def check_same_kind(source: ClassifySource, preprocessor: ClassifyPreprocessor) -> None:
    """Refuse texts where numbers were learned from, numbers where texts were, or other columns.

    Raises:
        UserError: with what the source holds and what is expected.
    """
    expected = None if preprocessor.scaler is None else tuple(preprocessor.scaler.names)
    if expected and not source.are_named and len(source.number_columns or ()) == len(expected):
        return
    if source.number_columns != expected:
        got, wanted = (
            "texts" if names is None else f"numbers in the columns {', '.join(names)}"
            for names in (source.number_columns, expected)
        )
        raise UserError(f"{source.name} holds {got}; expected {wanted}.")
