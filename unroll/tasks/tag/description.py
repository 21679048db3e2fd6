"""Descriptions of sentences with tags: before training, and for `unroll data check`."""

from __future__ import annotations

from collections import Counter

from unroll.counting import counted, listed
from unroll.tasks.tag.encoded import TagBatches
from unroll.tasks.tag.reader import TagData, read_data
from unroll.tasks.tag.schemes import find_spans
from unroll.tasks.tag.settings import SMALL_EPOCHS, TagSettings


def describe_data(data: TagData, settings: TagSettings) -> list[str]:
    """Sentences on what was read and guessed, each choice with the flag that changes it."""
    preprocessor = data.preprocessor
    sentences = [
        f"{data.name}: {data.columns.description()} (--set word=N, --set tag=N).",
        f"Training set: {counted(len(data.train), 'sentence')}, {counted(data.words, 'word')}. "
        f"Validation set: {counted(len(data.valid), 'sentence')}, {data.validation_set} (--valid "
        "FILE).",
        *describe_scheme(data),
    ]
    if data.split_sentences:
        split = counted(data.split_sentences, "sentence", "sentences")
        sentences.append(
            f"Split {split} of more than {settings.longest} words for training (--set longest=none, "
            "--set long=refuse)."
        )
    if data.duplicates:
        sentences.append(
            f"{data.duplicates:,} of the {counted(len(data.valid), 'sentence')} of the validation set "
            f"{'is' if data.duplicates == 1 else 'are'} in the training set too."
        )
    batches = TagBatches(data.encoded_train, settings.batch_size or 1, settings.seed)
    sentences.append(
        f"Vocabulary: {len(preprocessor.words):,} words with a vector, "
        f"{len(preprocessor.alphabet):,} letters; {data.unknown_rate:.1%} of the words of the "
        f"validation set are unknown. {batches.order.waste():.1%} of a batch is padding."
    )
    crf = "Output: a CRF, which chooses all tags of a sentence together (--set output=softmax)."
    softmax = "Output: a softmax, which chooses each tag alone (--set output=crf)."
    sentences.append(crf if settings.output == "crf" else softmax)
    if settings.epochs == SMALL_EPOCHS:
        sentences.append(f"Small data: {SMALL_EPOCHS} epochs (--seconds, --steps or --epochs).")
    return sentences


def describe_scheme(data: TagData) -> list[str]:
    """What the tags are, which scheme the network learns, and how many tags break their scheme."""
    scheme, learned = data.scheme, data.preprocessor.scheme
    if scheme.name is None:
        labels = data.preprocessor.labels
        numbers = ", numbers without names" if all(map(str.isdecimal, labels)) else ""
        sentences = [f"{len(labels)} tags, not spans{numbers}."]
        if scheme.types and 2 * scheme.fitting > scheme.count:
            sentences.append(
                f"{scheme.fitting:,} of {scheme.count:,} tags look like spans, and the others do not: "
                f"{listed(sorted(scheme.odd))}. Correct them, and spans are learned and measured."
            )
        return sentences
    text = f"Spans in {scheme.name}, {len(scheme.types)} types: {', '.join(scheme.types)}."
    if learned != scheme.name:
        text += f" The network learns them in {learned} (--set scheme=...)."
    if not scheme.irregular:
        return [text]
    broken = counted(scheme.irregular, "tag breaks", "tags break")
    return [text, f"{broken} {scheme.name}; read as conlleval reads them."]


def check_data(path: str, settings: TagSettings) -> dict[str, object]:
    """What `unroll data check` reports: every bad sentence is counted, none stops it.

    Raises:
        UserError: where nothing can be read at all.
    """
    everything = {"skip_bad": True, "long": "cut", "longest": None, "vectors": None, "raw": None}
    problems: list[str] = []
    data = read_data(path, settings.model_copy(update=everything), problems.append)
    sentences = [*data.train, *data.valid]
    lengths = sorted(len(sentence.words) for sentence in sentences)
    labels: Counter[str] = Counter()
    for sentence in sentences:
        tags = sentence.tags or ()
        labels.update([s.type for s in find_spans(tags)] if data.preprocessor.scheme else tags)
    return {
        "columns": data.columns.description(),
        "sentences": len(lengths),
        "words": sum(lengths),
        "longest": lengths[-1],
        "median": lengths[len(lengths) // 2],
        "scheme": data.scheme.name,
        "irregular": data.scheme.irregular,
        "labels": dict(labels.most_common()),
        "unknown_rate": data.unknown_rate,
        "validation_set": data.validation_set,
        "duplicates": data.duplicates,
        "longer_than_allowed": sum(length > (settings.longest or length) for length in lengths),
        "problems": problems,
    }
