"""What training a captioner minimises: the cross-entropy of the tokens of captions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from unroll.cells import State
from unroll.data.split import evenly_spread
from unroll.tasks.base import Trained
from unroll.tasks.caption.batches import CaptionBatch, CaptionBatches
from unroll.tasks.caption.decoding import ImageCaptioner
from unroll.tasks.caption.metrics import caption_scores, token_metrics
from unroll.tasks.caption.network import Captioner
from unroll.tasks.caption.reader import CaptionData
from unroll.tasks.caption.settings import CaptionSettings
from unroll.training.objective import Objective, TrainingBatch, fewer_records

EVALUATED = 1000  # captions of the validation set whose loss is computed during training
FEWEST_CAPTIONED = 8  # images, where time allows no more
CAPTIONED = 50  # images of the validation set that are captioned then
UNITS = {"char": "characters", "word": "words", "bpe": "pieces of words"}


class CaptionObjective(Objective):
    """The cross-entropy of each token, given the image and the tokens before.

    Args:
        network: on the device.
        data: training set and validation set.
        settings: every one of them has a value.
        device: of the network.
        sees: whether the convolutions learn too.
    """

    def __init__(
        self,
        network: Captioner,
        data: CaptionData,
        settings: CaptionSettings,
        device: torch.device,
        *,
        sees: bool = True,
    ) -> None:
        self.batches = CaptionBatches(data.train, settings.batch_size or 1, settings.seed)
        super().__init__(
            network,
            device=device,
            batches_per_epoch=self.batches.per_epoch,
            learning_rate=settings.learning_rate or 1e-3,
            unit=UNITS[settings.level],
        )
        self.network, self.preprocessor, self.valid = network, data.preprocessor, data.valid
        self._data, self._settings, self._sees = data, settings, sees
        self.smoothing = settings.label_smoothing
        self.greedy = settings.model_copy(update={"consensus": 0, "beam": 1, "best": 1})
        self.evaluated = evenly_spread(len(data.valid), EVALUATED).tolist()
        self._choose_images(CAPTIONED)

    def with_validation_set(self) -> CaptionObjective:
        """The same loss over training set and validation set; evaluations stay as they are.

        Where the captions of similar images count, the convolutions stay as they are: the known images
        have been read with them.
        """
        both = replace(self._data, train=self._data.train.joined(self.valid))
        sees = self.preprocessor.floor is None
        return CaptionObjective(self.network, both, self._settings, self.device, sees=sees)

    def batch(self, number: int) -> TrainingBatch:
        batch = self.batches.batch(number).to(self.device)
        return TrainingBatch(batch.tokens, partial(self.loss, batch), ragged=True)

    def loss(self, batch: CaptionBatch, state: State | None) -> tuple[Tensor, State | None]:
        """The loss summed over the targets of a batch; no state is carried."""
        loss = self.network.loss(
            batch.images,
            batch.inputs,
            batch.target,
            batch.weight,
            smoothing=self.smoothing,
            sees=self._sees,
        )
        return loss, None

    def _choose_images(self, count: int) -> None:
        """Let evaluations caption so many images of the validation set, evenly spread."""
        places, references = self.valid.by_image()
        captioned = evenly_spread(len(places), count).tolist()
        self.places = [places[k] for k in captioned]
        self.references = [references[k] for k in captioned]

    def limit_evaluation(self, share: float) -> float:
        """Let `evaluate` read an even sample of the validation set, and caption some of its images."""
        size = len(self.valid)
        count = fewer_records(min(size, EVALUATED), share)
        self.evaluated = evenly_spread(size, count).tolist()
        self._choose_images(max(FEWEST_CAPTIONED, round(share * CAPTIONED)))
        return count / max(1, min(size, EVALUATED))

    def evaluate(self) -> dict[str, float]:
        tokens = token_metrics(self.network, self.valid, self.device, self.evaluated)
        scores = caption_scores(self._caption(self.places), self.references)
        return {
            "loss": tokens["loss"],
            "token_accuracy": tokens["token_accuracy"],
            "cider_d": scores["cider_d"],
        }

    def sample(self) -> str:
        (caption,) = self._caption(self.places[:1])
        name = self.valid.images.paths[self.places[0]].name
        return f"{name}\n-> {caption}\n   ({self.references[0][0]})"

    def _caption(self, places: list[int]) -> list[str]:
        """Greedy captions, which are fast."""
        trained = Trained(self.network, self.preprocessor, self.greedy, self.device, Path())
        captioner = ImageCaptioner(trained)
        return [each["caption"] for each in captioner.caption_all(self.valid.images, places)]
