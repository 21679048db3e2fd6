"""Labelled records made ready to learn: two parts, and the preprocessor learned from the first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from unroll.data.bpe import BPEVocabulary
from unroll.data.characters import CharacterVocabulary
from unroll.data.problems import Problems
from unroll.data.records import Record
from unroll.data.series import Scaler, number
from unroll.data.split import validation_rows
from unroll.data.vocabularies import BPE_SIZE, LOOK
from unroll.data.vocabulary import Vocabulary
from unroll.data.words import WordVocabulary, punctuation_is_separate
from unroll.errors import UserError
from unroll.tasks.classify.counts import Counted
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor, Labelled, encoded, prepared
from unroll.tasks.classify.settings import ClassifySettings
from unroll.tasks.classify.sources import Source, find_source

ENOUGH = 20  # records, from which on labels that never come back are told


@dataclass(frozen=True)
class Classified:
    """What was read. source: where from. train, valid: the two parts. moved: records that were
    taken from the held-out part because their label is nowhere else. told: of bad records."""

    source: Source
    preprocessor: ClassifyPreprocessor
    train: Labelled
    valid: Labelled
    sha256: str
    validation_set: str
    moved: int
    told: tuple[str, ...]


def read_classified(
    path: str, settings: ClassifySettings, preprocessor: ClassifyPreprocessor | None = None
) -> Classified:
    """Records in two parts; vocabulary, classes and scales are learned from the first alone.

    Raises: UserError, in a sentence, for data that cannot be used.
    """
    problems = Problems(settings.skip_bad)
    source = source_of(path, settings)
    survey = surveyed(source, problems)
    sha256 = survey.sha256
    apart, moved, where = np.zeros(len(survey.labels), dtype=bool), 0, settings.valid or ""
    if settings.valid is None:
        apart, moved = without_strangers(validation_rows(len(survey.labels)), survey.labels)
        where = "a tenth" if len(apart) <= 50_000 else "a small part"
        where += f" of the records of {Path(path).name}"

    def part(held: bool) -> Iterator[Record]:
        for k, record in enumerate(source.read(Problems(skip=True))):
            if apart[k] == held:
                yield record

    fresh = preprocessor is None
    if preprocessor is None:
        preprocessor = learned(part, survey, settings, source)
    refuse = settings.too_long == "refuse"
    train = encoded(part(False), preprocessor, problems, refuse=refuse)
    if fresh and counts(settings, preprocessor) and len(train):
        counted = Counted.learn(
            train.items, train.starts, train.targets, preprocessor.inputs, len(preprocessor.classes)
        )
        preprocessor = replace(preprocessor, counted=counted)
    train = replace(train, counted=preprocessor.counted, own=True)
    if settings.valid is None:
        valid = encoded(part(True), preprocessor, problems, refuse=refuse)
    else:
        other = source_of(settings.valid, settings, source)
        check_same_kind(other, preprocessor)
        valid = encoded(other.read(problems), preprocessor, problems, refuse=refuse)
        sha256 = hashlib.sha256((sha256 + str(valid.marks.tolist())).encode()).hexdigest()
    if not len(train) or not len(valid):
        raise UserError(
            f"{path} leaves {len(train)} records to learn from and {len(valid)} held out ({where}); "
            "expected some of each. Give more records."
        )
    return Classified(
        source, preprocessor, train, valid, sha256, where, moved, tuple(problems.messages())
    )


def counts(settings: ClassifySettings, preprocessor: ClassifyPreprocessor) -> bool:
    """Whether counting stands beside the network: of words and pieces, if nothing is said."""
    if settings.counts is None:
        return (
            preprocessor.scaler is None
            and settings.level != "char"
            and settings.readout == "gradient"
        )
    return settings.counts and preprocessor.scaler is None


def source_of(path: str, settings: ClassifySettings, like: Source | None = None) -> Source:
    """The records at a path, in the columns of the settings, or of the training data."""
    text, label = settings.text, settings.label
    if like is not None:
        text, label = text or like.text, label or like.label
    return find_source(
        path,
        text=text,
        label=label,
        separator=settings.separator,
        id=settings.id,
        columns=settings.columns,
    )


@dataclass(frozen=True)
class Survey:
    """What a first reading finds: the labels of every record, and a hash of all of them."""

    labels: list[tuple[str, ...]]
    sha256: str


def surveyed(source: Source, problems: Problems) -> Survey:
    """Read everything once; every bad record is met here.

    Raises: UserError where there are too few records, or too few classes.
    """
    digest, labels = hashlib.sha256(), []
    for record in source.read(problems):
        labels.append(record.labels)
        digest.update(json.dumps(record.labels).encode())
        value = record.value
        digest.update(value.encode() if isinstance(value, str) else value.tobytes())
        digest.update(b"\0")
    kinds = {label for each in labels for label in each}
    if len(labels) < 2 or not kinds or (len(kinds) < 2 and all(len(each) == 1 for each in labels)):
        raise UserError(
            " ".join(
                [
                    f"{source.name} holds {len(labels)} records with {len(kinds)} different labels; "
                    "expected at least 2 of each to learn what tells them apart.",
                    *problems.messages(),
                ]
            )
        )
    if len(labels) > ENOUGH and len(kinds) > len(labels) / 2:
        where = f" in column {source.label}" if source.label else ""
        raise UserError(
            f"{source.name} holds {len(kinds):,} different labels{where} in {len(labels):,} records; "
            "a label comes back many times. Name another column by --label."
        )
    return Survey(labels, digest.hexdigest())


def without_strangers(apart: np.ndarray, labels: list[tuple[str, ...]]) -> tuple[np.ndarray, int]:
    """The held-out part without the records of labels that are nowhere else, and how many."""
    known = {label for k, each in enumerate(labels) if not apart[k] for label in each}
    lost = [k for k in np.flatnonzero(apart) if not set(labels[k]) <= known]
    kept = apart.copy()
    kept[lost] = False
    return kept, len(lost)


def learned(
    part: Callable[[bool], Iterator[Record]],
    survey: Survey,
    settings: ClassifySettings,
    source: Source,
) -> ClassifyPreprocessor:
    """Classes, and vocabulary or scales, of the training part."""
    classes = sorted(
        {label for each in survey.labels for label in each},
        key=lambda name: (number(name) is None, number(name) or 0.0, name),
    )
    several = settings.separator is not None or any(len(each) != 1 for each in survey.labels)
    if source.numbers is not None:
        scaler = Scaler.learn(list(source.numbers), (record.value for record in part(False)))
        return ClassifyPreprocessor(classes, several, scaler=scaler, longest=settings.longest)
    split = settings.split
    if split == "auto":
        head = "\n".join(record.value for record in islice(part(False), 1000))[:LOOK]
        split = "spaces" if punctuation_is_separate(head) else "punctuation"

    def texts() -> Iterator[str]:
        for record in part(False):
            yield prepared(record.value, settings.level, split, settings.lower)

    vocabulary: Vocabulary
    size = settings.vocabulary_size
    if settings.level == "char":
        vocabulary = CharacterVocabulary.learn(texts(), settings.min_count, size)
    elif settings.level == "bpe":
        vocabulary = BPEVocabulary.learn(texts(), size or BPE_SIZE, settings.min_count)
    else:
        vocabulary = WordVocabulary.learn(texts(), settings.min_count, size, "spaces")
    return ClassifyPreprocessor(
        classes,
        several,
        vocabulary=vocabulary,
        split=split,
        lower=settings.lower,
        longest=settings.longest,
    )


def check_same_kind(source: Source, preprocessor: ClassifyPreprocessor) -> None:
    """Numbers where numbers were learned from, of the same columns."""
    expected = None if preprocessor.scaler is None else tuple(preprocessor.scaler.names)
    if source.numbers != expected:
        kinds = [
            "texts" if names is None else f"numbers in the columns {', '.join(names)}"
            for names in (source.numbers, expected)
        ]
        raise UserError(f"{source.name} holds {kinds[0]}; expected {kinds[1]}.")


def other_source(
    path: str,
    settings: ClassifySettings,
    *,
    labelled: bool,
    text: str | None = None,
    label: str | None = None,
) -> Source:
    """Other data of a run, in the run's columns where it has them, else guessed anew."""
    given = text is not None or label is not None
    first = (text or settings.text, label or settings.label)
    others = [(settings.text, None), (None, settings.label), (None, None)]

    def found(text: str | None, label: str | None) -> Source:
        return find_source(
            path,
            text=text,
            label=label,
            separator=settings.separator,
            id=settings.id,
            columns=settings.columns,
            labelled=labelled,
        )

    try:
        return found(*first)
    except UserError:
        for other in [] if given else others:
            with suppress(UserError):
                return found(*other)
        raise
