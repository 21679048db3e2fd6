"""What the training loop minimises: the cross-entropy of the classes of clips or frames."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from unroll.cells import State
from unroll.data.split import evenly_spread
from unroll.models.classification_metrics import classification_metrics
from unroll.tasks.frames.dataset import ClipBatch, ClipBatches, join_datasets
from unroll.tasks.frames.metrics import smoothed_loss, true_classes
from unroll.tasks.frames.network import Framewise
from unroll.tasks.frames.probabilities import predict_probabilities
from unroll.tasks.frames.reader import FramesData
from unroll.tasks.frames.settings import BATCH_SIZE, LEARNING_RATE, FramesSettings
from unroll.training.objective import Objective, TrainingBatch, fewer_records

EVALUATED = 2000  # clips of the validation set, at most, in an evaluation during training


class FramesObjective(Objective):
    """The cross-entropy of the training set, with smoothed targets and weights of the classes.

    The weights that are kept have the lowest loss against smoothed targets on the validation set.
    """

    decides = "smoothed_loss"

    def __init__(
        self,
        network: Framewise,
        data: FramesData,
        settings: FramesSettings,
        device: torch.device,
    ) -> None:
        self.batches = ClipBatches(data.train, settings.batch_size or BATCH_SIZE, settings.seed)
        super().__init__(
            network,
            device=device,
            batches_per_epoch=self.batches.per_epoch,
            learning_rate=settings.learning_rate or LEARNING_RATE,
            unit=data.preprocessor.unit,
        )
        if settings.class_weights == "balanced":
            counts = data.train.class_counts().clip(1)
            weights = counts.sum() / (len(counts) * counts)
            network.weights = torch.from_numpy(weights.astype(np.float32)).to(device)
        self.network, self.valid = network, data.valid
        self.data, self.settings = data, settings
        self.smoothing = settings.label_smoothing
        self.evaluated = evenly_spread(len(data.valid), EVALUATED).tolist()

    def with_validation_set(self) -> FramesObjective:
        """The same over the clips of both sets."""
        data = replace(self.data, train=join_datasets([self.data.train, self.data.valid]))
        return FramesObjective(self.network, data, self.settings, self.device)

    def batch(self, number: int) -> TrainingBatch:
        """Batch `number` of the training set."""
        batch = self.batches.batch(number).to(self.device)
        return TrainingBatch(len(batch.y), partial(self.loss, batch), ragged=True)

    def loss(self, batch: ClipBatch, state: State | None) -> tuple[Tensor, None]:
        """The loss summed over the labels of a batch; no state is carried."""
        return self.network.loss(batch.x, batch.lengths, batch.y), None

    def limit_evaluation(self, share: float) -> float:
        """Let `evaluate` read an even sample of the validation set."""
        size = len(self.valid)
        count = fewer_records(min(size, EVALUATED), share)
        self.evaluated = evenly_spread(size, count).tolist()
        return count / max(1, min(size, EVALUATED))

    def evaluate(self) -> dict[str, float]:
        """Metrics of some clips of the validation set."""
        each = predict_probabilities(self.network, self.valid, self.device, rows=self.evaluated)
        p, true = np.concatenate(each), true_classes(self.valid, self.evaluated)
        metrics = classification_metrics(p, true)
        return {
            "loss": metrics["loss"],
            "smoothed_loss": smoothed_loss(p, true, self.smoothing),
            "accuracy": metrics["accuracy"],
            "macro_f1": metrics["macro_f1"],
            "error": 1 - metrics["accuracy"],
        }
