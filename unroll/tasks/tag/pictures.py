"""What a tagger shows of its validation set: sentences with their true and their predicted tags."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.pictures import TaggedSentence, TaggedSentences, TaskPicture
from unroll.tasks.tag.combination import CombinedTagger
from unroll.tasks.tag.encoded import EncodedSentences
from unroll.tasks.tag.metrics import TrainedTagger, score_batches
from unroll.tasks.tag.reader import TagData
from unroll.tasks.tag.schemes import find_spans
from unroll.tasks.tag.span_metrics import SpanScores

SENTENCES = 5000  # that are read at most


def tagged_sentences(
    trained: TrainedTagger, data: TagData, progress: Progress
) -> Iterator[TaskPicture]:
    """The sentences of the validation set with both tags; of many an even sample.

    Args:
        trained: the model.
        data: with the simple model of the training set.
        progress: called with the share that is done.
    """
    preprocessor = trained.preprocessor
    chosen = [data.valid[k] for k in evenly_spread(len(data.valid), SENTENCES)]
    tagger = CombinedTagger(trained.model, preprocessor.floor)
    encoded = EncodedSentences(chosen, preprocessor)
    found: dict[int, TaggedSentence] = {}
    for rows, batch, scores in score_batches(tagger, encoded, trained.device, progress):
        labels = tagger.output.most_likely_labels(scores, batch)
        for row, own in zip(rows, labels.T.tolist(), strict=True):
            words, tags = chosen[row].words, chosen[row].tags or ()
            predicted = preprocessor.tags(own[: len(words)])
            found[row] = TaggedSentence(words, tags, predicted)
    sentences = [found[row] for row in range(len(chosen))]
    types: dict[str, tuple[float, float, float, int]] = {}
    if preprocessor.scheme is not None:
        spans = SpanScores()
        for each in sentences:
            spans.add(find_spans(each.actual), find_spans(each.predicted))
        types = {
            name: (one["precision"], one["recall"], one["f1"], one["spans"])
            for name, one in spans.per_type().items()
        }
    yield TaggedSentences(sentences, types, len(data.valid))
