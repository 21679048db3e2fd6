"""Metrics of a recogniser: error rates and loss, beside those of the baselines."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np
import torch

from unroll.counting import counted
from unroll.tasks.base import Progress
from unroll.tasks.comparison import comparison_table
from unroll.tasks.transcribe.baseline import load_baseline
from unroll.tasks.transcribe.batches import TranscribeDataset
from unroll.tasks.transcribe.ctc import greedy
from unroll.tasks.transcribe.decoding import Recogniser, TrainedTranscriber
from unroll.tasks.transcribe.error_rates import character_error_rate, word_error_rate
from unroll.tasks.transcribe.network import Transcriber
from unroll.tasks.transcribe.outputs import network_outputs

SIMPLE_MODEL = "simple model"  # its key among the baselines
SAMPLE = 256  # records that are recognised before the time is looked at
LISTED_CONFUSIONS = 5
OLD_KEYS = {"thing": "record_name", "whole": "exact_match", "mistaken": "confusions"}


class TextErrors(TypedDict):
    """Errors of recognised texts.

    Attributes:
        word_error: word error rate, (substitutions + insertions + deletions) / words.
        character_error: the same of characters.
        words: of the references.
        substitutions: words that are wrong.
        insertions: words that are not in the reference.
        deletions: words that are missing.
    """

    word_error: float
    character_error: float
    words: int
    substitutions: int
    insertions: int
    deletions: int


class TranscribeMetrics(TextErrors, total=False):
    """Metrics of a recogniser on a data set.

    Attributes:
        record_name: what a record is called, "recording" or "line".
        records: how many there are.
        loss: CTC loss, nats per unit.
        too_short: records that are too short for their text.
        exact_match: share of the records whose text has no error.
        beam: width of the beam search.
        confusions: the most frequent wrong texts: [reference, recognised text, how often].
        in_training: records that are in the training set too.
        baselines: errors of each baseline, by its name.
        network_alone: errors of the network without the simple model, where there is one.
        sampled_from: how many records there would have been, where the budget left time for fewer.
        skipped: how many bad records were skipped.
        groups: the same for the records of each group, by its name; only where a column names it.
        problems: sentences on the bad records.
    """

    record_name: str
    records: int
    loss: float
    too_short: int
    exact_match: float
    beam: int
    confusions: list[tuple[str, str, int]]
    in_training: int
    baselines: dict[str, TextErrors]
    network_alone: TextErrors
    sampled_from: int
    skipped: int
    groups: dict[str, TranscribeMetrics]
    problems: list[str]


def text_errors(pairs: list[tuple[str, str]]) -> TextErrors:
    """Errors of texts. pairs: each reference with the text that was recognised."""
    words = word_error_rate(pairs)
    return {
        "word_error": words.rate,
        "character_error": character_error_rate(pairs).rate,
        "words": words.total,
        "substitutions": words.substitutions,
        "insertions": words.insertions,
        "deletions": words.deletions,
    }


@dataclass(frozen=True)
class Recognised:
    """Texts that were recognised.

    Attributes:
        pairs: each reference with the text that was recognised.
        network: each reference with what the network reads alone; empty without a simple model.
        floor: each reference with the text of the simple model; empty without one.
        rows: of the records.
        loss: nats per unit; records that are too short for their text do not count.
    """

    pairs: list[tuple[str, str]]
    network: list[tuple[str, str]]
    floor: list[tuple[str, str]]
    rows: list[int]
    loss: float


def recognise(
    trained: TrainedTranscriber, dataset: TranscribeDataset, progress: Progress | None = None
) -> Recognised:
    """The texts of a data set, in order; of a sample where the budget leaves no time for all.

    Args:
        trained: the run; its `seconds` say how long this may take.
        dataset: records with texts.
        progress: called with the share that is done.

    Raises:
        UserError: where the search cannot be done.
    """
    recogniser, preprocessor = Recogniser(trained), dataset.preprocessor
    closed = recogniser.closed
    texts: dict[int, tuple[str, str, str]] = {}
    total, units = 0.0, 0
    for rows in timed_samples(len(dataset), trained.seconds):
        outputs = network_outputs(trained.model, dataset, trained.device, rows, progress)
        for row, log_p, loss in outputs:
            reading = recogniser.decode(log_p)
            alone, floor, best = preprocessor.decode(reading.tokens), "", reading
            if closed is not None:
                scores = closed.model.scores(dataset.statistics(row))[0]
                floor = closed.model.texts[int(scores.argmax())]
                best = closed.choose(log_p, scores, reading, recogniser.weights)
            texts[row] = (preprocessor.decode(best.tokens), alone, floor)
            if dataset.fits(row):
                total += loss
                units += len(dataset.tokens[row])
    rows = sorted(texts)
    references = [preprocessor.normalise_text(dataset.records[row].text) for row in rows]
    pairs = [
        [(reference, texts[row][k]) for row, reference in zip(rows, references, strict=True)]
        for k in range(3 if closed is not None else 1)
    ]
    network, simple = pairs[1:] if closed is not None else ([], [])
    return Recognised(pairs[0], network, simple, rows, total / max(1, units))


def timed_samples(count: int, seconds: float | None) -> Iterator[list[int]]:
    """Row numbers of records in samples that are spread over all, while there is time.

    Args:
        count: of all records.
        seconds: that all samples may take. Default: all records at once.
    """
    if seconds is None:
        yield list(range(count))
        return
    order = np.random.default_rng(0).permutation(count)
    ends = time.monotonic() + seconds
    for start in range(0, count, SAMPLE):
        if start and time.monotonic() > ends:
            return
        yield sorted(order[start : start + SAMPLE].tolist())


def quick_metrics(
    network: Transcriber,
    dataset: TranscribeDataset,
    device: torch.device,
    rows: list[int],
    decoded: set[int],
) -> dict[str, float]:
    """Loss, word and character error rate with the most likely token of each step.

    Args:
        network: on its device.
        dataset: the records.
        device: of the network.
        rows: whose loss counts.
        decoded: those of them whose errors count.
    """
    preprocessor = dataset.preprocessor
    total, units, pairs = 0.0, 0, []
    for row, log_p, loss in network_outputs(network, dataset, device, rows):
        if dataset.fits(row):
            total += loss
            units += len(dataset.tokens[row])
        if row in decoded:
            reference = preprocessor.normalise_text(dataset.records[row].text)
            found = preprocessor.decode(greedy(log_p[:, None])[0].tokens)
            pairs.append((reference, found))
    return {
        "loss": total / max(1, units),
        "word_error": word_error_rate(pairs).rate,
        "character_error": character_error_rate(pairs).rate,
    }


def measure(
    trained: TrainedTranscriber, dataset: TranscribeDataset, progress: Progress
) -> TranscribeMetrics:
    """The metrics of a model on a data set, beside those of the baselines.

    Raises:
        UserError: where the search cannot be done, or the baseline is damaged.
    """
    found = recognise(trained, dataset, progress)
    baseline = load_baseline(trained.path)
    references = [reference for reference, _ in found.pairs]
    wrong = Counter(pair for pair in found.pairs if pair[0] != pair[1])
    metrics: TranscribeMetrics = {
        "record_name": dataset.preprocessor.record_name,
        "records": len(references),
        "loss": found.loss,
        "too_short": sum(not dataset.fits(row) for row in found.rows),
        **text_errors(found.pairs),
        "exact_match": sum(a == b for a, b in found.pairs) / len(found.pairs),
        "beam": trained.settings.beam,
        "confusions": [(a, b, n) for (a, b), n in wrong.most_common(LISTED_CONFUSIONS)],
        "in_training": baseline.count_known([dataset.records[row] for row in found.rows]),
        "baselines": {
            **({SIMPLE_MODEL: text_errors(found.floor)} if found.floor else {}),
            "most frequent text": text_errors([(a, baseline.most_frequent) for a in references]),
            "no text": text_errors([(a, "") for a in references]),
        },
    }
    if found.network:
        metrics["network_alone"] = text_errors(found.network)
    if len(found.rows) < len(dataset):
        metrics["sampled_from"] = len(dataset)
    return metrics


def summarise(metrics: TranscribeMetrics, where: str) -> list[str]:
    """The metrics in sentences, beside those of the baselines. where: what was measured on."""
    metrics = with_present_keys(metrics)
    name, baselines = metrics.get("record_name", "recording"), metrics["baselines"]
    of = f" of {metrics['sampled_from']:,}" if metrics.get("sampled_from") else ""
    lines = [
        f"On {where}, {counted(metrics['records'], name)}{of}, {counted(metrics['words'], 'word')}:",
        *comparison_table(metrics, baselines, format_errors),
        f"Words: {metrics['substitutions']:,} wrong, {metrics['deletions']:,} missing, "
        f"{metrics['insertions']:,} inserted; {metrics['exact_match']:.2%} of the {name}s have no "
        "error.",
    ]
    if metrics.get("too_short"):
        lines.append(
            f"{counted(metrics['too_short'], f'{name} is', f'{name}s are')} too short for the text at "
            "this subsampling; each counts as an error, but not in the loss."
        )
    if metrics["confusions"]:
        pairs = metrics["confusions"]
        listed = ", ".join(f"{b or 'nothing'!r} for {a!r} ({n})" for a, b, n in pairs)
        lines.append(f"Most frequent confusions: {listed}.")
    weak = [errors for key, errors in baselines.items() if key != SIMPLE_MODEL]
    if "network_alone" in metrics:
        lines.append(
            f"The network with the simple model: word error {metrics['word_error']:.2%}; the simple "
            f"model alone: {baselines[SIMPLE_MODEL]['word_error']:.2%}, the network alone: "
            f"{metrics['network_alone']['word_error']:.2%}."
        )
    if metrics["word_error"] >= min(errors["word_error"] for errors in weak):
        lines.append(f"No better than a baseline: use more {name}s or train longer.")
    if metrics["in_training"]:
        known = counted(metrics["in_training"], f"{name} is", f"{name}s are")
        lines.append(f"{known} in the training set too.")
    return [*lines, *metrics.get("problems", [])]


def with_present_keys(metrics: TranscribeMetrics) -> TranscribeMetrics:
    """The same metrics, where the result.json of an earlier version has them under other keys."""
    renamed = {OLD_KEYS.get(key, key): value for key, value in metrics.items()}
    return cast(TranscribeMetrics, renamed)


def format_errors(errors: TextErrors) -> str:
    """Word and character error rate, as part of a line."""
    return (
        f"word error {errors['word_error']:7.2%}  character error {errors['character_error']:7.2%}"
    )
