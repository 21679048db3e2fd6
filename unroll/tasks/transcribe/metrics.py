"""Metrics of a recogniser: error rates and loss, beside those of the baselines.

S steps, V tokens with the blank.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np
import torch
from torch import Tensor

from unroll.counting import counted
from unroll.data.bucketed import longest_first
from unroll.tasks.base import Progress
from unroll.tasks.comparison import comparison_table
from unroll.tasks.transcribe.baseline import load_baseline
from unroll.tasks.transcribe.batches import TranscribeDataset, make_batch
from unroll.tasks.transcribe.ctc import Labelling, greedy
from unroll.tasks.transcribe.decoding import Decoder, TrainedTranscriber
from unroll.tasks.transcribe.error_rates import character_error_rate, word_error_rate
from unroll.tasks.transcribe.network import Transcriber

BATCH_SIZE = 32  # of evaluation
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
        skipped: how many bad records were skipped.
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
    skipped: int
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


@torch.no_grad()
def network_outputs(
    network: Transcriber,
    dataset: TranscribeDataset,
    device: torch.device,
    rows: list[int] | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[int, Tensor, float]]:
    """The row of each record, its log p [S, V] and its loss in nats; the longest records first.

    Args:
        network: on its device; it is put in eval mode.
        dataset: the records.
        device: of the network.
        rows: which records. Default: all.
        progress: called with the share that is done.
    """
    network.eval()
    chosen = np.arange(len(dataset)) if rows is None else np.asarray(rows)
    done = 0
    for places in longest_first(dataset.lengths[chosen], BATCH_SIZE):
        own = chosen[places].tolist()
        batch = make_batch(dataset, own).to(device)
        log_p, steps = network(batch.x, batch.lengths)
        losses = network.losses(log_p, steps, batch.y, batch.y_lengths)
        for b, row in enumerate(own):
            yield row, log_p[: steps[b], b].cpu(), float(losses[b])
        done += len(own)
        if progress is not None:
            progress(done / len(chosen))


@dataclass(frozen=True)
class Recognised:
    """Texts that were recognised.

    Attributes:
        pairs: each reference with the text that was recognised.
        loss: nats per unit; records that are too short for their text do not count.
    """

    pairs: list[tuple[str, str]]
    loss: float


def recognise(
    network: Transcriber,
    dataset: TranscribeDataset,
    device: torch.device,
    decode: Callable[[Tensor], Labelling],
    rows: list[int] | None = None,
    progress: Progress | None = None,
) -> Recognised:
    """The texts of a data set, in order. decode: finds a labelling of log p [S, V]; others as above."""
    preprocessor = dataset.preprocessor
    chosen = list(range(len(dataset))) if rows is None else rows
    texts: dict[int, str] = {}
    total, units = 0.0, 0
    for row, log_p, loss in network_outputs(network, dataset, device, rows, progress):
        texts[row] = preprocessor.decode(decode(log_p).tokens)
        if dataset.fits(row):
            total += loss
            units += len(dataset.tokens[row])
    pairs = [(preprocessor.normalise_text(dataset.records[row].text), texts[row]) for row in chosen]
    return Recognised(pairs, total / max(1, units))


def quick_metrics(
    network: Transcriber, dataset: TranscribeDataset, device: torch.device, rows: list[int]
) -> dict[str, float]:
    """Loss, word and character error rate of some rows, with the most likely token of each step."""
    found = recognise(network, dataset, device, lambda log_p: greedy(log_p[:, None])[0], rows)
    return {
        "loss": found.loss,
        "word_error": word_error_rate(found.pairs).rate,
        "character_error": character_error_rate(found.pairs).rate,
    }


def measure(
    trained: TrainedTranscriber, dataset: TranscribeDataset, progress: Progress
) -> TranscribeMetrics:
    """The metrics of a model on a data set, beside those of the baselines.

    Raises:
        UserError: where the search cannot be done, or the baseline is damaged.
    """
    decode = Decoder(trained)
    found = recognise(trained.model, dataset, trained.device, decode, progress=progress)
    baseline = load_baseline(trained.path)
    references = [reference for reference, _ in found.pairs]
    wrong = Counter(pair for pair in found.pairs if pair[0] != pair[1])
    return {
        "record_name": dataset.preprocessor.record_name,
        "records": len(references),
        "loss": found.loss,
        "too_short": sum(not dataset.fits(row) for row in range(len(dataset))),
        **text_errors(found.pairs),
        "exact_match": sum(a == b for a, b in found.pairs) / len(found.pairs),
        "beam": trained.settings.beam,
        "confusions": [(a, b, n) for (a, b), n in wrong.most_common(LISTED_CONFUSIONS)],
        "in_training": baseline.count_known(dataset.records),
        "baselines": {
            "most frequent text": text_errors([(a, baseline.most_frequent) for a in references]),
            "no text": text_errors([(a, "") for a in references]),
        },
    }


def summarise(metrics: TranscribeMetrics, where: str) -> list[str]:
    """The metrics in sentences, beside those of the baselines. where: what was measured on."""
    metrics = with_present_keys(metrics)
    name, baselines = metrics.get("record_name", "recording"), metrics["baselines"]
    lines = [
        f"On {where}, {counted(metrics['records'], name)}, {counted(metrics['words'], 'word')}:",
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
    if metrics["word_error"] >= min(errors["word_error"] for errors in baselines.values()):
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
