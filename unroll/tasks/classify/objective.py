"""What the training loop minimises for a classifier: cross-entropy over the classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor

from unroll.cells import State
from unroll.data.bucketed import longest_first
from unroll.data.split import evenly_spread
from unroll.models.classification_metrics import classification_metrics
from unroll.models.log_linear import combine_scores, fit_log_linear, scores_to_probabilities
from unroll.tasks.base import Progress
from unroll.tasks.classify.calibration import NETWORK_AND_FLOOR
from unroll.tasks.classify.labelled import (
    ClassifyBatch,
    ClassifyBatches,
    LabelledSequences,
    balanced_weights,
    make_batch,
)
from unroll.tasks.classify.metrics import BATCH, predict_logits
from unroll.tasks.classify.network import Classifier
from unroll.tasks.classify.reader import ClassifyData
from unroll.tasks.classify.ridge_head import solve_head
from unroll.tasks.classify.settings import ClassifySettings
from unroll.training.objective import Objective, TrainingBatch, fewer_records

VALIDATION_RECORDS = 2000  # that an evaluation during training reads at most


class ClassifyObjective(Objective):
    """Cross-entropy of labelled records; the fewest mistakes decide which weights are kept.

    Args:
        network: on its device.
        data: the training set and the validation set.
        settings: with every value resolved.
        device: where network and batches are.
    """

    decides, told = "error", ("accuracy",)

    def __init__(
        self,
        network: Classifier,
        data: ClassifyData,
        settings: ClassifySettings,
        device: torch.device,
    ) -> None:
        batches = ClassifyBatches(data.train, settings.batch_size or 1, settings.seed)
        super().__init__(
            network,
            device=device,
            batches_per_epoch=batches.per_epoch,
            learning_rate=settings.learning_rate or 0.0,
            unit=data.preprocessor.record_unit,
        )
        self.network, self._data, self._batches = network, data, batches
        self._settings = settings
        self._validation_rows = evenly_spread(len(data.valid), VALIDATION_RECORDS)
        self.closed_form = settings.readout == "ridge"
        if settings.class_weights == "balanced":
            weights = balanced_weights(data.train, len(data.preprocessor.classes))
            network.weights = torch.from_numpy(weights).to(device)

    def batch(self, number: int) -> TrainingBatch:
        """Batch `number` of the run; nothing is carried from one to the next."""
        batch = self._batches.batch(number).to(self.device)
        return TrainingBatch(len(batch), partial(self._loss, batch), ragged=True)

    def _loss(self, batch: ClassifyBatch, state: State | None) -> tuple[Tensor, None]:
        return self.network.loss(batch.x, batch.lengths, batch.y, batch.count_scores), None

    def limit_evaluation(self, share: float) -> float:
        """Let `evaluate` read an even sample of the validation set."""
        size = len(self._data.valid)
        count = fewer_records(min(size, VALIDATION_RECORDS), share)
        self._validation_rows = evenly_spread(size, count)
        vars(self).pop("_floor_logits", None)  # those of the rows before
        return count / max(1, min(size, VALIDATION_RECORDS))

    def evaluate(self) -> dict[str, float]:
        """Metrics of the validation set, or of an even sample of a large one; with the simple model."""
        valid, rows = self._data.valid, self._validation_rows
        z, targets = (
            predict_logits(self.network, valid, self.device, rows=rows),
            valid.targets[rows],
        )
        if self._floor_logits is not None:
            both = np.stack([z, self._floor_logits], 1)
            known = targets >= 0 if targets.ndim == 1 else np.ones(len(rows), dtype=bool)
            z = combine_scores(both, fit_log_linear(both[known], targets[known], NETWORK_AND_FLOOR))
        p = scores_to_probabilities(z, self.network.multi_label)
        unseen = [valid.unseen[row] for row in rows] if valid.unseen else ()
        metrics = classification_metrics(p, targets, unseen)
        return {
            "loss": metrics["loss"],
            "accuracy": metrics["accuracy"],
            "macro_f1": metrics["macro_f1"],
            "error": 1 - metrics["accuracy"],
        }

    @cached_property
    def _floor_logits(self) -> np.ndarray | None:
        """Of the simple model, for the validation records that an evaluation reads; or None."""
        valid = self._data.valid
        if valid.floor is None:
            return None
        return valid.floor.logits(valid.floor_inputs.take(self._validation_rows))

    def with_validation_set(self) -> ClassifyObjective | None:
        """The same over both sets; None where records are scored by counts of the training set."""
        if self._data.preprocessor.counts is not None:
            return None
        both = replace(
            self._data, train=self._data.train.joined(self._data.valid.with_known_labels())
        )
        return ClassifyObjective(self.network, both, self._settings, self.device)

    def solve(self, progress: Progress) -> list[str]:
        """Solve the last layer by ridge regression."""
        train, valid = self._data.train, self._data.valid.with_known_labels()
        penalty = solve_head(
            self.network, self._read(train, progress, 0.9), self._read(valid, progress, 1.0)
        )
        return [
            f"The read-out was solved by ridge regression over {len(train):,} records, with penalty "
            f"{penalty:g} per record, chosen on the validation set."
        ]

    def _read(
        self, records: LabelledSequences, progress: Progress, most: float
    ) -> Callable[[], Iterator[ClassifyBatch]]:
        """Reads all records in batches. most: the share that is done when they are read."""

        def read() -> Iterator[ClassifyBatch]:
            for k, rows in enumerate(longest_first(records.lengths, BATCH)):
                yield make_batch(records, rows).to(self.device)
                progress(most * (k + 1) * BATCH / max(len(records), BATCH))

        return read
