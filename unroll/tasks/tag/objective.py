"""What the training loop minimises for a tagger: the negative log-probability of the tags."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from unroll.cells import State
from unroll.data.split import evenly_spread
from unroll.tasks.tag.encoded import EncodedSentences, TagBatch, TagBatches
from unroll.tasks.tag.metrics import measure
from unroll.tasks.tag.network import Tagger
from unroll.tasks.tag.reader import TagData, split_long
from unroll.tasks.tag.settings import TagSettings
from unroll.training.objective import Objective, TrainingBatch

VALIDATION_SENTENCES = 1000  # that an evaluation during training reads at most
FEWEST_SENTENCES = 200  # that choosing weights needs


class TagObjective(Objective):
    """Tags of sentences; the F1 of spans, or the accuracy, decides which weights are kept.

    Args:
        network: on its device; takes the pretrained vectors of the data, where there are any.
        data: the training set and the validation set.
        settings: with every value resolved.
        device: where network and batches are.
    """

    decides, told = "error", ("f1", "accuracy")

    def __init__(
        self, network: Tagger, data: TagData, settings: TagSettings, device: torch.device
    ) -> None:
        batches = TagBatches(data.encoded_train, settings.batch_size or 1, settings.seed)
        super().__init__(
            network,
            device=device,
            batches_per_epoch=batches.per_epoch,
            learning_rate=settings.learning_rate or 0.0,
            unit="words",
        )
        self.network, self._batches, self._preprocessor = network, batches, data.preprocessor
        self._data, self._settings = data, settings
        self._validation_set = data.encoded_valid
        if len(data.valid) > VALIDATION_SENTENCES:
            self.limit_evaluation(1.0)
        if data.vectors is not None:
            network.take_vectors({k: torch.from_numpy(v) for k, v in data.vectors.items()})

    def batch(self, number: int) -> TrainingBatch:
        """Batch `number` of the run; nothing is carried from one to the next."""
        batch = self._batches.batch(number).to(self.device)
        return TrainingBatch(batch.tokens, partial(self._loss, batch), ragged=True)

    def limit_evaluation(self, share: float) -> float:
        """Let `evaluate` read an even sample of the validation set."""
        valid = self._data.valid
        count = max(FEWEST_SENTENCES, round(share * min(len(valid), VALIDATION_SENTENCES)))
        sample = [valid[k] for k in evenly_spread(len(valid), count)]
        self._validation_set = EncodedSentences(sample, self._preprocessor)
        return len(sample) / max(1, min(len(valid), VALIDATION_SENTENCES))

    def with_validation_set(self) -> TagObjective:
        """The same network over the training set and the validation set together."""
        known = [s for s in self._data.valid if self._preprocessor.knows_tags(s)]
        scheme = self._data.scheme.name
        more, _ = split_long(known, self._settings.longest, scheme)
        data = replace(self._data, train=[*self._data.train, *more], vectors=None)
        return TagObjective(self.network, data, self._settings, self.device)

    def _loss(self, batch: TagBatch, state: State | None) -> tuple[Tensor, None]:
        return self.network.loss(self.network(batch), batch), None

    def evaluate(self) -> dict[str, float]:
        """Metrics of the validation set, or of an even sample of a large one."""
        found = measure(self.network, self._preprocessor, self._validation_set, self.device)
        metrics = {"loss": found["loss"], "accuracy": found["accuracy"]}
        right = found["accuracy"]
        if "f1" in found:
            right = metrics["f1"] = found["f1"]
        # while nothing is right, the loss decides which weights are better
        metrics["error"] = 1 - right if right else 1 + found["loss"]
        return metrics
