"""What is asked of a trained classifier, and what it predicts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict, TypeVar

import numpy as np

from unroll.data.files.forms import suffix_of
from unroll.data.files.lines import numbered_lines
from unroll.data.first_rows import is_table
from unroll.data.problems import Problems
from unroll.data.series import file_sequence
from unroll.data.skipped import records_and_problems
from unroll.data.text import TEXT_SUFFIXES
from unroll.in_memory.array_file import is_array_file
from unroll.tasks.classify.attributions import (
    AttributedInput,
    attribute_inputs,
    unlabelled_records,
    word_attributions,
)
from unroll.tasks.classify.metrics import TrainedClassifier, predict_probabilities
from unroll.tasks.classify.preprocessor import ClassifyPreprocessor
from unroll.tasks.classify.reader import check_same_kind, with_columns
from unroll.tasks.classify.source import new_source

STRONGEST = 8  # attributions that a prediction holds
PRINTED = 4  # attributions that are printed

T = TypeVar("T")


class ClassifyPrediction(TypedDict, total=False):
    """What a classifier predicts for a text or a sequence of numbers, as JSON holds it.

    Attributes:
        text: the input, where it is a text.
        label: the most likely class, where a record has one.
        probability: of this class.
        labels: the classes of at least one half, where a record may have several.
        probabilities: of every class, the most likely first.
        words: the words with the strongest attributions and these, of a text, where
            `attributions` is set.
        rows: the rows with the strongest attributions, from 1, and these, of numbers, likewise.
        steps_read: how many steps were read, where the input may have more.
        error: what is wrong with a record that was skipped; then nothing else is predicted.
    """

    text: str
    label: str
    probability: float
    labels: list[str]
    probabilities: dict[str, float]
    words: list[tuple[str, float]]
    rows: list[tuple[int, float]]
    steps_read: int
    error: str


def read_input_file(trained: TrainedClassifier, path: str) -> Iterator[object]:
    """The texts of a file, one per line or from its column; or the sequences of numbers it holds.

    A skipped record is a `SkippedRecord` in its place.

    Raises:
        UserError: for a file that cannot be read so, and bad records unless they are skipped.
    """
    settings, scaler = trained.settings, trained.preprocessor.scaler
    is_file = Path(path).is_file()
    if scaler is not None and settings.id is None and is_file and not is_array_file(path):
        names = scaler.names

        def read_sequence(problems: Problems) -> Iterator[np.ndarray]:
            values = file_sequence(Path(path), names, problems)
            if values is not None:
                yield values

        yield from records_and_problems(read_sequence, settings.skip_bad)
    elif path == "-":
        yield from (line.strip() for line in sys.stdin if line.strip())
    elif is_file and suffix_of(Path(path)) in TEXT_SUFFIXES and not is_table(Path(path)):

        def read_lines(problems: Problems) -> Iterator[str]:
            lines = numbered_lines(Path(path), path, problems)
            return (line.strip() for _, line in lines if line.strip())

        yield from records_and_problems(read_lines, settings.skip_bad)
    else:
        source = new_source(
            path,
            with_columns(trained.settings, trained.preprocessor),
            labelled=False,
            named=trained.named,
        )
        check_same_kind(source, trained.preprocessor)

        def read_source(problems: Problems) -> Iterator[object]:
            return (record.value for record in source.read(problems))

        yield from records_and_problems(read_source, settings.skip_bad)


def predict_batch(
    trained: TrainedClassifier, values: Sequence[str | np.ndarray]
) -> Iterator[ClassifyPrediction]:
    """A prediction for each of a few inputs, which are read side by side."""
    preprocessor, network = trained.preprocessor, trained.model
    if not trained.settings.attributions:
        records = unlabelled_records(preprocessor, values)
        p = predict_probabilities(network, records, trained.device).tolist()
        for value, row, steps in zip(values, p, records.lengths.tolist(), strict=True):
            yield make_prediction(value, row, steps, preprocessor)
        return
    for each in attribute_inputs(trained, values):
        steps = len(each.network)
        prediction = make_prediction(each.value, each.probabilities, steps, preprocessor)
        yield with_attributions(prediction, each, preprocessor)


def with_attributions(
    prediction: ClassifyPrediction, attributed: AttributedInput, preprocessor: ClassifyPreprocessor
) -> ClassifyPrediction:
    """The prediction for one input, with the words or rows that speak most for or against the label."""
    if not isinstance(attributed.value, str):
        rows = list(enumerate(attributed.network, 1))
        return {**prediction, "rows": sort_strongest(rows)}
    words = word_attributions(
        attributed.tokens, attributed.network, tokens_are_words=preprocessor.step_unit == "words"
    )
    if attributed.simple:
        pairs = zip(words, attributed.simple, strict=True)
        words = [(word, own + simple) for (word, own), simple in pairs]
    return {**prediction, "words": sort_strongest(words)}


def make_prediction(
    value: str | np.ndarray,
    probabilities: list[float],
    steps: int,
    preprocessor: ClassifyPreprocessor,
) -> ClassifyPrediction:
    """The prediction for one input.

    Args:
        value: a text, or numbers [T, F].
        probabilities: of each class, [K].
        steps: how many were read.
        preprocessor: names the classes.
    """
    ranked = sorted(
        zip(preprocessor.classes, probabilities, strict=True), key=lambda pair: -pair[1]
    )
    prediction: ClassifyPrediction = {}
    if isinstance(value, str):
        prediction["text"] = value
    if preprocessor.multi_label:
        prediction["labels"] = [name for name, p in ranked if p >= 0.5]
    else:
        prediction["label"], prediction["probability"] = ranked[0]
    prediction["probabilities"] = dict(ranked)
    if steps == preprocessor.longest:
        prediction["steps_read"] = steps
    return prediction


def sort_strongest(attributions: list[tuple[T, float]]) -> list[tuple[T, float]]:
    """The strongest attributions, for or against the label, the strongest first."""
    ranked = sorted(attributions, key=lambda pair: -abs(pair[1]))[:STRONGEST]
    return [(name, round(attribution, 4)) for name, attribution in ranked]


def format_prediction(prediction: ClassifyPrediction) -> str:
    """A prediction as people read it: the label, its probability, the text, the attributions."""
    if "error" in prediction:
        return f"# skipped: {prediction['error']}"
    if "labels" in prediction:
        probabilities = prediction["probabilities"]
        labels = [f"{name} {probabilities[name]:.0%}" for name in prediction["labels"]]
        result = ", ".join(labels) or "none of the labels"
    else:
        result = f"{prediction['label']} {prediction['probability']:.0%}"
    if "text" in prediction:
        result = f"{result}\t{prediction['text']}"
    if "words" in prediction:
        words = prediction["words"][:PRINTED]
        strongest = " ".join(f"{word}{attribution:+.1f}" for word, attribution in words)
        return f"{result}\t({strongest})"
    if "rows" in prediction:
        rows = ", ".join(str(row) for row, _ in prediction["rows"][:PRINTED])
        return f"{result}\t(rows {rows})"
    return result
