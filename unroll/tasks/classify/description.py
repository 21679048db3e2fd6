"""Descriptions of labelled data: before training, and for `unroll data check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from unroll.counting import counted, listed
from unroll.data.problems import Problems
from unroll.data.split import count_shared
from unroll.tasks.classify.budget_rates import fits_budget
from unroll.tasks.classify.floor import ClassifyFloor
from unroll.tasks.classify.labelled import (
    ClassifyBatches,
    LabelledSequences,
    class_counts,
)
from unroll.tasks.classify.linear_text import LinearTextModel
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor
from unroll.tasks.classify.reader import ClassifyData, read_data, scan_records
from unroll.tasks.classify.settings import SMALL_EPOCHS, ClassifySettings
from unroll.tasks.classify.source import find_source
from unroll.tasks.reporting import describe_class_balance, is_imbalanced


def describe_spellings(classes: Sequence[str]) -> list[str]:
    """A warning where classes differ only in case or spaces, as true and True do."""
    spellings: dict[str, list[str]] = {}
    for name in classes:
        spellings.setdefault(" ".join(name.casefold().split()), []).append(name)
    same = [names for names in spellings.values() if len(names) > 1]
    if not same:
        return []
    groups = listed(["/".join(names) for names in same])
    return [
        f"Classes that differ only in case or spaces: {groups}. Write them alike if they are one."
    ]


def describe_data(data: ClassifyData, settings: ClassifySettings) -> list[str]:
    """Sentences on what was read and guessed, each choice with the flag that changes it."""
    preprocessor, train, valid = data.preprocessor, data.train, data.valid
    records, steps = preprocessor.record_unit, preprocessor.step_unit
    sentences = [*data.warnings]
    if data.source.guesses:
        sentences.append(f"Guessed: {', '.join(data.source.guesses)}.")
    sentences.append(
        f"Training set: {len(train):,} {records}. Validation set: {len(valid):,} {records}, "
        f"{data.validation_set} (--valid FILE)."
    )
    if data.kept_in_training:
        kept = counted(data.kept_in_training, "record stays", "records stay")
        sentences.append(f"{kept} in the training set because no other record has their label.")
    sentences.append(describe_classes(train, preprocessor))
    sentences += describe_spellings(preprocessor.classes)
    median, longest = int(np.median(train.lengths)), int(train.lengths.max())
    sentences.append(
        f"Half of the {records} have at most {median:,} {steps}, and the longest has {longest:,}."
    )
    if train.truncated + valid.truncated:
        sentences.append(
            f"{train.truncated + valid.truncated:,} {records} are truncated to their first "
            f"{preprocessor.longest} {steps} (--set longest=N)."
        )
    if preprocessor.vocabulary is not None:
        sentences.append(describe_vocabulary(preprocessor, valid))
    repeated = count_shared(train.content_hashes.tolist(), valid.content_hashes.tolist())
    if repeated:
        sentences.append(
            f"{repeated:,} of the {len(valid):,} {records} of the validation set "
            f"{'is' if repeated == 1 else 'are'} in the training set too."
        )
    if valid.unseen:
        wrong = counted(sum(map(bool, valid.unseen)), "record", "records")
        sentences.append(
            f"{wrong} of the validation set with a label that the training set does not have "
            f"({listed(valid.unseen_labels)}): counted as wrong."
        )
    if preprocessor.floor is not None:
        sentences.append(describe_floor(preprocessor.floor, records))
    if preprocessor.counts is not None:
        words, pairs = (len(keys) for keys in preprocessor.counts.keys)
        sentences.append(
            f"Naive Bayes scores of {words:,} {steps} and {pairs:,} pairs of neighbours are added to "
            "those of the network (--set counts=false)."
        )
    return sentences + describe_reading(data, settings)


def describe_floor(floor: ClassifyFloor, records: str) -> str:
    """What the simple model is, and how many records it was fitted on. records: what they are."""
    model = floor.model
    if isinstance(model, LinearTextModel):
        what = (
            f"support vector machine and naive Bayes on {len(model.features.places):,} n-grams of "
            "words and characters"
        )
    else:
        what = f"ridge regression on {model.convolutions.size:,} features of fixed convolutions"
    return (
        f"Simple model that the network is combined with: {what}, fitted on {floor.records:,} "
        f"{records} (--set floor=none)."
    )


def describe_reading(data: ClassifyData, settings: ClassifySettings) -> list[str]:
    """Sentences on how the network reads the data, and how often."""
    batches = ClassifyBatches(data.train, settings.batch_size or 1, settings.seed)
    directions = "both directions" if settings.bidirectional else "one direction"
    sentences = [
        f"Reads in {directions} (--set bidirectional=...), {settings.pooling} pooling (--set "
        f"pooling=last|mean|max|attention); {batches.order.waste():.0%} of a batch is padding."
    ]
    if fits_budget(settings, data.preprocessor):
        sentences.append(
            "Dropout and learning rate that are not given fit how often the seconds of the run suffice "
            "to read the texts, by the time of a step (--set dropout=P learning_rate=R)."
        )
    if settings.epochs == SMALL_EPOCHS:
        sentences.append(f"Small data: {SMALL_EPOCHS} epochs (--seconds, --steps or --epochs).")
    return sentences


def describe_vocabulary(preprocessor: ClassifyPreprocessor, valid: LabelledSequences) -> str:
    """What a token is, how many there are, and how many of the validation set are unknown."""
    steps, rate = preprocessor.step_unit, valid.unknown / max(1, len(valid.items))
    split = f", split at {preprocessor.split} (--set split=...)" if steps == "words" else ""
    case = "lowercased (--set lower=false)" if preprocessor.lower else "case kept"
    return (
        f"Vocabulary: {preprocessor.inputs:,} {steps} (--level){split}, {case}; {rate:.2%} of the "
        f"{steps} of the validation set are unknown."
    )


def describe_classes(records: LabelledSequences, preprocessor: ClassifyPreprocessor) -> str:
    """How often the classes occur."""
    counts = class_counts(records, len(preprocessor.classes)).tolist()
    sentence = describe_class_balance(counts, preprocessor.classes, len(records))
    if preprocessor.multi_label:
        sentence += f"; {records.targets.sum() / len(records):.1f} labels per record on average"
    if is_imbalanced(counts):
        sentence += "; --set class_weights=balanced gives all classes the same weight"
    return f"{sentence}."


def check_data(path: str, settings: ClassifySettings) -> dict[str, object]:
    """What `unroll data check` reports: every bad record is counted, none stops it.

    Raises:
        UserError: where nothing can be read at all.
    """
    problems = Problems(skip=True)
    source = find_source(path, settings)
    scan = scan_records(source, problems)
    data = read_data(path, settings.model_copy(update={"skip_bad": True, "counts": False}))
    train, valid = data.train, data.valid
    classes, numbers = data.preprocessor.classes, data.preprocessor.class_numbers
    labels = Counter(classes[numbers[label]] for each in scan.labels for label in each)
    lengths = np.concatenate([train.lengths, valid.lengths])
    hashes = train.content_hashes.tolist(), valid.content_hashes.tolist()
    return {
        "guessed": list(source.guesses),
        "rows": len(scan.labels),
        "labels": dict(labels.most_common()),
        "lengths": {
            "median": float(np.median(lengths)),
            "shortest": int(lengths.min()),
            "longest": int(lengths.max()),
            "unit": data.preprocessor.step_unit,
        },
        "unknown_rate": valid.unknown / max(1, len(valid.items)),
        "duplicates": len(train) + len(valid) - len({*hashes[0], *hashes[1]}),
        "validation_in_training": count_shared(*hashes),
        "truncated": train.truncated + valid.truncated,
        "bad": problems.count,
        "problems": [sentence.strip() for sentence in problems.messages()[1:]],
    }
