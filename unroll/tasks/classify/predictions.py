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
from unroll.tasks.classify.labelled import LabelledSequences, make_batch
from unroll.tasks.classify.metrics import TrainedClassifier
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
        words: the words with the strongest attributions and these, where the input is a text.
        rows: the rows with the strongest attributions, from 1, and these, where it is numbers.
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
    network.eval()
    parts = [preprocessor.encode(value)[: preprocessor.longest] for value in values]
    unlabelled = np.zeros(len(parts), dtype=np.int64)
    records = LabelledSequences(
        items=np.concatenate(parts),
        starts=np.cumsum([0, *map(len, parts)]),
        targets=unlabelled,
        content_hashes=unlabelled,
        truncated=0,
        unknown=0,
        counts=preprocessor.counts,
    )
    batch = make_batch(records, list(range(len(parts)))).to(trained.device)
    p, attributions = network.attributions(batch.x, batch.lengths, batch.count_scores)
    for value, part, row, steps in zip(values, parts, p.tolist(), attributions.T, strict=True):
        own = steps[: len(part)].tolist()
        if preprocessor.counts is not None and network.trust is not None:
            trust = network.trust.detach().cpu().numpy()
            by_counting = np.einsum("o,tok->tk", trust, preprocessor.counts.step_scores(part))
            own = (np.array(own) + by_counting[:, int(np.argmax(row))]).tolist()
        yield make_prediction(value, row, own, preprocessor)


def make_prediction(
    value: str | np.ndarray,
    probabilities: list[float],
    attributions: list[float],
    preprocessor: ClassifyPreprocessor,
) -> ClassifyPrediction:
    """The prediction for one input.

    Args:
        value: a text, or numbers [T, F].
        probabilities: of each class, [K].
        attributions: of each step that was read, [T].
        preprocessor: names the classes and the tokens.
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
    if isinstance(value, str):
        tokens = preprocessor.tokens(value)[: len(attributions)]
        words = word_attributions(
            tokens, attributions, tokens_are_words=preprocessor.step_unit == "words"
        )
        prediction["words"] = sort_strongest(words)
    else:
        prediction["rows"] = sort_strongest(list(enumerate(attributions, 1)))
    if len(attributions) == preprocessor.longest:
        prediction["steps_read"] = len(attributions)
    return prediction


def word_attributions(
    tokens: list[str], attributions: list[float], *, tokens_are_words: bool
) -> list[tuple[str, float]]:
    """The words of a text with their attributions, from those of its tokens.

    Args:
        tokens: characters, or pieces that begin with a space where a word begins, or words.
        attributions: that of each token; the sum over a word's tokens is the word's.
        tokens_are_words: whether each token is a word.

    Examples:
        >>> from unroll.tasks.classify.predictions import word_attributions
        >>> word_attributions(list("a be"), [1.0, 0.0, 0.5, 0.25], tokens_are_words=False)
        [('a', 1.0), ('be', 0.75)]
    """
    if tokens_are_words:
        return list(zip(tokens, attributions, strict=True))
    words: list[tuple[str, float]] = []
    is_new = True
    for token, attribution in zip(tokens, attributions, strict=True):
        if is_new or token[:1].isspace():
            words.append(("", 0.0))
        words[-1] = (words[-1][0] + token, words[-1][1] + attribution)
        is_new = token.isspace()
    return [(word.strip(), attribution) for word, attribution in words if word.strip()]


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
    if "words" in prediction:
        words = prediction["words"][:PRINTED]
        strongest = " ".join(f"{word}{attribution:+.1f}" for word, attribution in words)
        return f"{result}\t{prediction['text']}\t({strongest})"
    rows = ", ".join(str(row) for row, _ in prediction["rows"][:PRINTED])
    return f"{result}\t(rows {rows})"
