"""What training a model of tunes minimises: the cross-entropy of the next token."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from unroll.cells import State
from unroll.data.split import evenly_spread
from unroll.models.language import LanguageModel
from unroll.tasks.music.batches import TuneBatches
from unroll.tasks.music.defaults import LEARNING_RATE
from unroll.tasks.music.metrics import count_units, token_nats
from unroll.tasks.music.reader import MusicData
from unroll.tasks.music.settings import MusicSettings
from unroll.training.objective import Objective, TrainingBatch

FEWEST_EVALUATED = 24  # tunes, where time allows no more
EVALUATED = 200  # tunes of the validation set, at most, in an evaluation during training


class MusicObjective(Objective):
    """The cross-entropy of the next token over whole tunes, each from an empty state.

    Args:
        network: on its device.
        data: the tunes.
        settings: resolved.
        device: where the network is.
    """

    def __init__(
        self,
        network: LanguageModel,
        data: MusicData,
        settings: MusicSettings,
        device: torch.device,
    ) -> None:
        texts = [tune.text for tune in data.train]
        self.batches = TuneBatches(texts, data.preprocessor, settings)
        super().__init__(
            network,
            device=device,
            batches_per_epoch=self.batches.per_epoch,
            learning_rate=settings.learning_rate or LEARNING_RATE,
            unit="tokens",
        )
        self.data, self.settings = data, settings
        self.network, self.preprocessor = network, data.preprocessor
        self.all_evaluated = [data.valid[k].text for k in evenly_spread(len(data.valid), EVALUATED)]
        self.evaluated = self.all_evaluated

    def with_validation_set(self) -> MusicObjective:
        """The same over the tunes of both sets."""
        data = replace(self.data, train=self.data.train + self.data.valid)
        return MusicObjective(self.network, data, self.settings, self.device)

    def batch(self, number: int) -> TrainingBatch:
        batch = self.batches.batch(number).to(self.device)

        def loss(state: State | None) -> tuple[Tensor, State | None]:
            total, _ = self.network.loss(
                batch.x, batch.y, lengths=batch.lengths, weight=batch.weight
            )
            return total, None

        return TrainingBatch(batch.tokens, loss, batch.fresh, ragged=batch.lengths is not None)

    def limit_evaluation(self, share: float) -> float:
        """Let `evaluate` read an even sample of the tunes that it reads by itself, some dozen at least."""
        size = len(self.all_evaluated)
        count = max(min(size, FEWEST_EVALUATED), round(share * size))
        self.evaluated = [self.all_evaluated[k] for k in evenly_spread(size, count)]
        return count / max(1, size)

    def evaluate(self) -> dict[str, float]:
        nats = token_nats(self.network, self.evaluated, self.preprocessor, self.device)
        units = count_units(self.evaluated, self.preprocessor.notation)
        return {"loss": sum(map(float, map(sum, nats))) / units}
