"""What a translator shows of its validation set: sources, references, outputs and their attention."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unroll.tasks.base import Progress
from unroll.tasks.pictures import TaskPicture, TranslatedText, TranslatedTexts
from unroll.tasks.translate.calibration import spread_order
from unroll.tasks.translate.decoding import TrainedTranslator, TranslatePrediction, translate
from unroll.tasks.translate.metrics import sentence_quality
from unroll.tasks.translate.reader import TranslateData

TEXTS = 60  # that are translated


def translated_texts(
    trained: TrainedTranslator, data: TranslateData, progress: Progress
) -> Iterator[TaskPicture]:
    """An even sample of the validation set, translated.

    Args:
        trained: the model.
        data: with the known pairs of the training set.
        progress: called with the share that is done.
    """
    pairs = [data.valid_pairs[row] for row in sorted(spread_order(len(data.valid_pairs), TEXTS))]
    sources = [pair.source for pair in pairs]
    found = []
    predictions = translate(
        trained.model, trained.preprocessor, sources, trained.settings, trained.device
    )
    for pair, prediction in zip(pairs, predictions, strict=True):
        found.append(translated_text(prediction, pair.target))
        progress(len(found) / len(pairs))
    yield TranslatedTexts(found, len(data.valid_pairs))


def translated_text(prediction: TranslatePrediction, reference: str) -> TranslatedText:
    """A prediction beside its reference."""
    tokens, attention = prediction["target_tokens"], None
    if prediction["attention"]:
        attention = np.array(prediction["attention"], dtype=float).reshape(len(tokens), -1)
    return TranslatedText(
        source=prediction["source"],
        reference=reference,
        output=prediction["translation"],
        origin=prediction["origin"],
        source_tokens=prediction["source_tokens"],
        target_tokens=tokens,
        attention=attention,
        quality=min(1.0, sentence_quality(prediction["translation"], reference)),
    )
