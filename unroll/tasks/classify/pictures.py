"""What a classifier shows of its validation set: every record with its probabilities."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.data.split import evenly_spread
from unroll.tasks.base import Progress
from unroll.tasks.classify.metrics import TrainedClassifier, predict_probabilities
from unroll.tasks.classify.reader import ClassifyData
from unroll.tasks.pictures import ClassifiedRecords, TaskPicture

RECORDS = 5000  # that are read at most


def classified_records(
    trained: TrainedClassifier, data: ClassifyData, progress: Progress
) -> Iterator[TaskPicture]:
    """The records of the validation set with their probabilities; of many an even sample.

    Args:
        trained: the model.
        data: with the simple model of the training set.
        progress: called with the share that is done.
    """
    valid, size = data.valid, len(data.valid)
    if size > RECORDS:
        valid = valid.take(evenly_spread(size, RECORDS).tolist())
    p = predict_probabilities(trained.model, valid, trained.device, progress)
    names = list(valid.texts) or [f"sequence {row + 1}" for row in range(len(valid))]
    unit = trained.preprocessor.record_unit
    yield ClassifiedRecords(trained.preprocessor.classes, p, valid.targets, names, unit, size)
