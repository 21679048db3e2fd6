"""How well a tagger does on sentences with tags, beside its baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import TypedDict, cast

import torch
from torch import Tensor

from unroll.counting import counted, listed
from unroll.data.bucketed import longest_first
from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress, Trained
from unroll.tasks.comparison import comparison_table
from unroll.tasks.reporting import skipped_sentence
from unroll.tasks.tag.combination import CombinedTagger, kept_mixtures
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.encoded import EncodedSentences, TagBatch
from unroll.tasks.tag.network import Tagger
from unroll.tasks.tag.preprocessor import UNSEEN, TagPreprocessor
from unroll.tasks.tag.schemes import find_spans
from unroll.tasks.tag.settings import TagSettings
from unroll.tasks.tag.span_metrics import SpanMetrics, SpanScores

FIRST, SAFETY = 200, 2.0  # sentences that are timed, and how much longer the others may take
BATCH = 64  # sentences of a batch that is only read
FLOOR, NETWORK = "linear model", "network alone"  # the names of both as baselines

TrainedTagger = Trained[TagSettings, TagPreprocessor, Tagger]


class TagScores(TypedDict, total=False):
    """How many tags are right, and how many spans where tags are spans.

    Attributes:
        accuracy: the share of the words whose tag is right.
        unknown_accuracy: the same of the words that the training set does not have.
        unknown_rate: the share of these words.
        words: how many words there are.
        sentences: how many sentences there are.
        precision: of spans, as in `SpanMetrics`; so are the next five.
        recall: of spans.
        f1: of spans.
        spans: how many true spans there are.
        predicted: how many spans were predicted.
        right: how many of them are right.
        types: the metrics of each type of span.
    """

    accuracy: float
    unknown_accuracy: float
    unknown_rate: float
    words: int
    sentences: int
    precision: float
    recall: float
    f1: float
    spans: int
    predicted: int
    right: int
    types: dict[str, SpanMetrics]


class TagMetrics(TagScores, total=False):
    """Metrics of a tagger on sentences with tags.

    Attributes:
        loss: negative log-probability of the tags, nats per word.
        baselines: the scores of each baseline, by its name.
        skipped: bad sentences that were skipped.
        groups: the same for the sentences of each group, by its name; only where a column names it.
        unseen_tags: how often each tag occurs that the training set does not have; it counts as wrong,
            and its sentence is not in the loss.
        sampled_from: how many sentences there are, of which only some fitted in the seconds.
    """

    loss: float
    baselines: dict[str, TagScores]
    skipped: int
    groups: dict[str, TagMetrics]
    unseen_tags: dict[str, int]
    sampled_from: int


class TagCounter:
    """Counts right words, right unknown words and right spans, sentence by sentence.

    Args:
        preprocessor: says which words are unknown, and whether tags are spans.
    """

    def __init__(self, preprocessor: TagPreprocessor) -> None:
        self.preprocessor = preprocessor
        self.words = self.right = self.unknown = self.unknown_right = self.sentences = 0
        self.spans = SpanScores()
        self.unseen: Counter[str] = Counter()

    def add(self, sentence: Sentence, predicted: Sequence[str]) -> None:
        """Count one sentence. predicted: a tag for each word, in the scheme of the file."""
        true = sentence.tags or ()
        self.sentences += 1
        numbers = self.preprocessor.label_numbers(true)
        self.unseen.update(tag for tag, k in zip(true, numbers, strict=True) if k == UNSEEN)
        for word, tag, own in zip(sentence.words, true, predicted, strict=True):
            is_right, is_unknown = tag == own, word not in self.preprocessor.forms
            self.words += 1
            self.right += is_right
            self.unknown += is_unknown
            self.unknown_right += is_right and is_unknown
        if self.preprocessor.scheme is not None:
            self.spans.add(find_spans(true), find_spans(predicted))

    def scores(self) -> TagScores:
        """The scores of all sentences that were counted."""
        scores: TagScores = {
            "accuracy": self.right / max(1, self.words),
            "unknown_accuracy": self.unknown_right / max(1, self.unknown),
            "unknown_rate": self.unknown / max(1, self.words),
            "words": self.words,
            "sentences": self.sentences,
        }
        if self.preprocessor.scheme is None:
            return scores
        return {**scores, **self.spans.metrics(), "types": self.spans.per_type()}


@torch.no_grad()
def score_batches(
    tagger: CombinedTagger,
    encoded: EncodedSentences,
    device: torch.device,
    progress: Progress | None = None,
) -> Iterator[tuple[list[int], TagBatch, Tensor]]:
    """All sentences in batches, the longest first.

    Args:
        tagger: its network is put into eval mode.
        encoded: the sentences.
        device: where the network is.
        progress: called with the share that is done.

    Yields:
        The numbers of the sentences of a batch, the batch, and its scores [T, B, K].
    """
    tagger.network.eval()
    done = 0
    for rows in longest_first(encoded.lengths, BATCH):
        batch = encoded.batch(rows, floor=tagger.floor is not None).to(device)
        yield rows, batch, tagger.scores(batch)
        done += batch.tokens
        if progress is not None:
            progress(done / max(1, encoded.tokens))


class TagMeasure:
    """Metrics of a tagger, batch by batch.

    Args:
        tagger: chooses the tags.
        preprocessor: writes the tags, and knows the words of the training set.
        encoded: the sentences.
    """

    def __init__(
        self, tagger: CombinedTagger, preprocessor: TagPreprocessor, encoded: EncodedSentences
    ) -> None:
        self.tagger, self.preprocessor, self.encoded = tagger, preprocessor, encoded
        self.counter, self.nats, self.known_words = TagCounter(preprocessor), 0.0, 0

    @torch.no_grad()
    def add(self, rows: Sequence[int], batch: TagBatch, scores: Tensor) -> None:
        """Count the sentences of a batch. scores: of this tagger, [T, B, K]."""
        output = self.tagger.output
        known = torch.from_numpy(self.encoded.known[list(rows)]).to(scores.device)
        part = batch if bool(known.all()) else part_of(batch, known)
        self.nats += float(output.loss(scores[:, known], part))
        self.known_words += part.tokens
        labels = output.most_likely_labels(scores, batch)
        for row, own in zip(rows, labels.T.tolist(), strict=True):
            sentence = self.encoded.sentences[row]
            self.counter.add(sentence, self.preprocessor.tags(own[: len(sentence.words)]))

    def metrics(self) -> TagMetrics:
        """The metrics of all sentences that were counted."""
        metrics: TagMetrics = {
            "loss": self.nats / max(1, self.known_words),
            **self.counter.scores(),
        }
        unseen = self.counter.unseen
        return {**metrics, "unseen_tags": dict(unseen.most_common())} if unseen else metrics


def part_of(batch: TagBatch, chosen: Tensor) -> TagBatch:
    """The words and labels of some sentences of a batch. chosen: bool [B]."""
    lengths = batch.lengths[chosen]
    return replace(
        batch,
        words=batch.words[:, chosen],
        lengths=lengths,
        labels=None if batch.labels is None else batch.labels[:, chosen],
        tokens=int(lengths.sum()),
    )


def affordable(
    trained: TrainedTagger, sentences: Sequence[Sentence], most: int | None = None
) -> Sequence[Sentence]:
    """As many sentences, evenly spread, as the network reads in the seconds that it may take.

    Args:
        trained: says how many seconds that is; None: all are read.
        sentences: to choose from.
        most: how many at most, however much time there is.
    """
    count = len(sentences) if most is None else min(len(sentences), most)
    if trained.seconds is not None and count > FIRST:
        first = [sentences[k] for k in evenly_spread(len(sentences), FIRST)]
        encoded, began = EncodedSentences(first, trained.preprocessor), monotonic()
        for _ in score_batches(CombinedTagger(trained.model), encoded, trained.device):
            pass
        took = max(monotonic() - began, 1e-6)
        count = min(count, max(FIRST, int(FIRST * trained.seconds / (SAFETY * took))))
    return [sentences[k] for k in evenly_spread(len(sentences), count)]


def measure(
    network: Tagger,
    preprocessor: TagPreprocessor,
    encoded: EncodedSentences,
    device: torch.device,
    progress: Progress | None = None,
) -> TagMetrics:
    """The metrics of a network alone on sentences with tags.

    Args:
        network: is put into eval mode.
        preprocessor: writes the tags, and knows the words of the training set.
        encoded: the sentences.
        device: where the network is.
        progress: called with the share that is done.
    """
    tagger = CombinedTagger(network)
    found = TagMeasure(tagger, preprocessor, encoded)
    for rows, batch, scores in score_batches(tagger, encoded, device, progress):
        found.add(rows, batch, scores)
    return found.metrics()


@torch.no_grad()
def measure_parts(
    trained: TrainedTagger, encoded: EncodedSentences, progress: Progress
) -> dict[str, TagMetrics]:
    """The metrics of the network with the simple model, and of each alone, as `kept_mixtures` names them.

    Args:
        trained: a tagger with a simple model.
        encoded: the sentences, with tags.
        progress: called with the share that is done.
    """
    network, preprocessor = trained.model.eval(), trained.preprocessor
    parts = {
        name: TagMeasure(
            CombinedTagger(network, preprocessor.floor, mixture), preprocessor, encoded
        )
        for name, mixture in kept_mixtures(network).items()
    }
    done = 0
    for rows in longest_first(encoded.lengths, BATCH):
        batch = encoded.batch(rows, floor=True).to(trained.device)
        own = network(batch)
        for part in parts.values():
            part.add(rows, batch, part.tagger.combine(own, batch.floor))
        done += batch.tokens
        progress(done / max(1, encoded.tokens))
    return {name: part.metrics() for name, part in parts.items()}


def measure_baselines(
    preprocessor: TagPreprocessor, sentences: Iterable[Sentence]
) -> dict[str, TagScores]:
    """The scores where each word gets its most frequent tag, by the name of the baseline."""
    counter = TagCounter(preprocessor)
    for sentence in sentences:
        counter.add(sentence, preprocessor.most_frequent_tags(sentence.words))
    return {"most frequent tag": counter.scores()}


def compare_with_baseline(
    trained: TrainedTagger, encoded: EncodedSentences, progress: Progress
) -> TagMetrics:
    """The metrics of a trained tagger on sentences, beside those of its baseline.

    Args:
        trained: the tagger.
        encoded: the sentences, with tags.
        progress: called with the share that is done.
    """
    preprocessor = trained.preprocessor
    if preprocessor.floor is not None:
        parts = measure_parts(trained, encoded, progress)
        alone = {FLOOR: without_loss(parts["floor"]), NETWORK: without_loss(parts["network"])}
        return {**parts["combined"], "baselines": alone}
    metrics = measure(trained.model, preprocessor, encoded, trained.device, progress)
    return {**metrics, "baselines": measure_baselines(preprocessor, encoded.sentences)}


def without_loss(metrics: TagMetrics) -> TagScores:
    """The scores of a tagger without what no baseline has."""
    kept = {k: v for k, v in metrics.items() if k not in ("loss", "unseen_tags")}
    return cast(TagScores, kept)


def summarise_metrics(metrics: TagMetrics, where: str) -> list[str]:
    """The metrics as sentences. where: what was measured on."""
    baselines = metrics["baselines"]
    words, sentences = metrics["words"], metrics["sentences"]
    lines = [
        f"On {where}, {counted(words, 'word')} in {counted(sentences, 'sentence')}:",
        *comparison_table(metrics, baselines, format_accuracies),
        f"{metrics['unknown_rate']:.1%} of the words are unknown (not in the training set).",
        *skipped_sentence(metrics.get("skipped", 0), "sentence"),
        *sampled_sentence(metrics),
        *unseen_sentence(metrics.get("unseen_tags", {})),
        *worth_sentence(metrics),
    ]
    if "f1" not in metrics:
        return lines
    width = max(map(len, metrics["types"]), default=0)
    return [
        *lines,
        f"Spans, counted as conlleval counts them: {metrics['spans']:,} in the data, "
        f"{metrics['predicted']:,} predicted, {metrics['right']:,} right.",
        *comparison_table(metrics, baselines, format_spans),
        *(
            f"  {kind:<{width}}  {format_spans(of)}  {counted(of['spans'], 'span')}"
            for kind, of in metrics["types"].items()
        ),
    ]


def sampled_sentence(metrics: TagMetrics) -> list[str]:
    """That not all sentences were measured."""
    if "sampled_from" not in metrics:
        return []
    return [
        f"Measured on {metrics['sentences']:,} of {metrics['sampled_from']:,} sentences, evenly "
        "spread, which fitted in the seconds; unroll eval measures on all."
    ]


def unseen_sentence(unseen: Mapping[str, int]) -> list[str]:
    """That tags are wrong because the training set does not have them. unseen: how often each occurs."""
    if not unseen:
        return []
    words = counted(sum(unseen.values()), "word has a tag", "words have tags")
    return [f"{words} that the training set does not have ({listed(list(unseen))}): wrong."]


def worth_sentence(metrics: TagMetrics) -> list[str]:
    """Whether the network is worth its time: both together beside each alone."""
    alone = metrics["baselines"]
    if FLOOR not in alone or NETWORK not in alone:
        return []

    def figure(scores: TagScores) -> str:
        return f"F1 {100 * scores['f1']:.2f}" if "f1" in scores else f"{scores['accuracy']:.2%}"

    return [
        f"The network with the linear model: {figure(metrics)}; the linear model alone: "
        f"{figure(alone[FLOOR])}, the network alone: {figure(alone[NETWORK])}."
    ]


def format_accuracies(scores: TagScores) -> str:
    """The accuracies of the model or of a baseline, as they are compared in a table."""
    return (
        f"accuracy {scores['accuracy']:7.2%}  accuracy on unknown words "
        f"{scores['unknown_accuracy']:6.1%}"
    )


def format_spans(scores: TagScores | SpanMetrics) -> str:
    """The span metrics of the model, of a baseline or of a type, as they are listed."""
    return (
        f"precision {scores['precision']:7.2%}  recall {scores['recall']:7.2%}  "
        f"F1 {100 * scores['f1']:6.2f}"
    )
