"""What the training loop minimises: the CTC loss of the texts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from unroll.cells import State
from unroll.data.split import evenly_spread
from unroll.tasks.transcribe.batches import TranscribeBatch, TranscribeBatches
from unroll.tasks.transcribe.defaults import BATCH_SIZE, LEARNING_RATE
from unroll.tasks.transcribe.metrics import quick_metrics
from unroll.tasks.transcribe.network import Transcriber
from unroll.tasks.transcribe.perturbation import Perturbation
from unroll.tasks.transcribe.reader import TranscribeData
from unroll.tasks.transcribe.settings import TranscribeSettings
from unroll.training.objective import Objective, TrainingBatch, fewer_records

# records of the validation set, at most, in an evaluation during training: of the loss, of the errors
EVALUATED, DECODED = 1000, 300
FEWEST_DECODED = 40  # where time allows no more


class TranscribeObjective(Objective):
    """The CTC loss of the training set, whose records are perturbed at random.

    The weights that are kept have the lowest character error rate on the validation set; where
    several evaluations have the same, as happens with few records, the loss decides.
    """

    decides, told = "error_and_loss", ("character_error",)

    def __init__(
        self,
        network: Transcriber,
        data: TranscribeData,
        settings: TranscribeSettings,
        device: torch.device,
    ) -> None:
        perturbation = Perturbation(
            speed=settings.speed or 0.0,
            pitch=settings.pitch or 0.0,
            vocal_tract=settings.vocal_tract or 0.0,
            noise=settings.noise or 0.0,
            masks=settings.masks or 0.0,
            vary=settings.vary,
        )
        self.batches = TranscribeBatches(
            data.train, settings.batch_size or BATCH_SIZE, settings.seed, perturbation
        )
        super().__init__(
            network,
            device=device,
            batches_per_epoch=self.batches.per_epoch,
            learning_rate=settings.learning_rate or LEARNING_RATE,
            unit=data.preprocessor.units_name,
        )
        self.network, self.valid = network, data.valid
        self._data, self._settings = data, settings
        self.evaluated = evenly_spread(len(data.valid), EVALUATED).tolist()
        self.decoded = {self.evaluated[k] for k in evenly_spread(len(self.evaluated), DECODED)}

    def with_validation_set(self) -> TranscribeObjective:
        """The same loss over training set and validation set; evaluations stay as they are."""
        both = replace(self._data, train=self._data.train.joined(self._data.valid))
        return TranscribeObjective(self.network, both, self._settings, self.device)

    def batch(self, number: int) -> TrainingBatch:
        """Batch `number` of the training set."""
        batch = self.batches.batch(number).to(self.device)
        return TrainingBatch(len(batch.y), partial(self.loss, batch), ragged=True)

    def loss(self, batch: TranscribeBatch, state: State | None) -> tuple[Tensor, None]:
        """The loss summed over the records of a batch; no state is carried."""
        return self.network.loss(batch.x, batch.lengths, batch.y, batch.y_lengths), None

    def limit_evaluation(self, share: float) -> float:
        """Let `evaluate` read an even sample of the validation set."""
        size = len(self.valid)
        count = fewer_records(min(size, EVALUATED), share)
        self.evaluated = evenly_spread(size, count).tolist()
        decoded = max(min(count, FEWEST_DECODED), round(share * DECODED))
        self.decoded = {self.evaluated[k] for k in evenly_spread(count, decoded)}
        return count / max(1, min(size, EVALUATED))

    def evaluate(self) -> dict[str, float]:
        """Metrics of some records of the validation set."""
        metrics = quick_metrics(self.network, self.valid, self.device, self.evaluated, self.decoded)
        error_and_loss = metrics["character_error"] + min(metrics["loss"], 1) / 1000
        return {**metrics, "error_and_loss": error_and_loss}
