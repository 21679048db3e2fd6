"""How well a tagger does on sentences with tags, beside its baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypedDict

import torch
from torch import Tensor

from unroll.counting import counted
from unroll.data.bucketed import longest_first
from unroll.tasks.base import Progress, Trained
from unroll.tasks.comparison import comparison_table
from unroll.tasks.reporting import skipped_sentence
from unroll.tasks.tag.conll import Sentence
from unroll.tasks.tag.encoded import EncodedSentences, TagBatch
from unroll.tasks.tag.network import Tagger
from unroll.tasks.tag.preprocessor import TagPreprocessor
from unroll.tasks.tag.schemes import find_spans
from unroll.tasks.tag.settings import TagSettings
from unroll.tasks.tag.span_metrics import SpanMetrics, SpanScores

BATCH = 64  # sentences of a batch that is only read

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
    """

    loss: float
    baselines: dict[str, TagScores]
    skipped: int


class TagCounter:
    """Counts right words, right unknown words and right spans, sentence by sentence.

    Args:
        preprocessor: says which words are unknown, and whether tags are spans.
    """

    def __init__(self, preprocessor: TagPreprocessor) -> None:
        self.preprocessor = preprocessor
        self.words = self.right = self.unknown = self.unknown_right = self.sentences = 0
        self.spans = SpanScores()

    def add(self, sentence: Sentence, predicted: Sequence[str]) -> None:
        """Count one sentence. predicted: a tag for each word, in the scheme of the file."""
        true = sentence.tags or ()
        self.sentences += 1
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
    network: Tagger,
    encoded: EncodedSentences,
    device: torch.device,
    progress: Progress | None = None,
) -> Iterator[tuple[list[int], TagBatch, Tensor]]:
    """All sentences in batches, the longest first.

    Args:
        network: is put into eval mode.
        encoded: the sentences.
        device: where the network is.
        progress: called with the share that is done.

    Yields:
        The numbers of the sentences of a batch, the batch, and its scores [T, B, K].
    """
    network.eval()
    done = 0
    for rows in longest_first(encoded.lengths, BATCH):
        batch = encoded.batch(rows).to(device)
        yield rows, batch, network(batch)
        done += batch.tokens
        if progress is not None:
            progress(done / max(1, encoded.tokens))


def measure(
    network: Tagger,
    preprocessor: TagPreprocessor,
    encoded: EncodedSentences,
    device: torch.device,
    progress: Progress | None = None,
) -> TagMetrics:
    """The metrics of a network on sentences with tags.

    Args:
        network: is put into eval mode.
        preprocessor: writes the tags, and knows the words of the training set.
        encoded: the sentences.
        device: where the network is.
        progress: called with the share that is done.
    """
    counter, nats = TagCounter(preprocessor), 0.0
    for rows, batch, scores in score_batches(network, encoded, device, progress):
        nats += float(network.loss(scores, batch).detach())
        labels = network.most_likely_labels(scores, batch)
        for row, own in zip(rows, labels.T.tolist(), strict=True):
            sentence = encoded.sentences[row]
            counter.add(sentence, preprocessor.tags(own[: len(sentence.words)]))
    return {"loss": nats / max(1, counter.words), **counter.scores()}


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
    metrics = measure(trained.model, preprocessor, encoded, trained.device, progress)
    return {**metrics, "baselines": measure_baselines(preprocessor, encoded.sentences)}


def summarise_metrics(metrics: TagMetrics, where: str) -> list[str]:
    """The metrics as sentences. where: what was measured on."""
    baselines = metrics["baselines"]
    words, sentences = metrics["words"], metrics["sentences"]
    lines = [
        f"On {where}, {counted(words, 'word')} in {counted(sentences, 'sentence')}:",
        *comparison_table(metrics, baselines, format_accuracies),
        f"{metrics['unknown_rate']:.1%} of the words are unknown (not in the training set).",
        *skipped_sentence(metrics.get("skipped", 0), "sentence"),
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
