"""What training a translator minimises: the cross-entropy of target tokens."""

from __future__ import annotations

import time
from functools import partial

import torch
from torch import Tensor

from unroll.cells import State
from unroll.data.split import evenly_spread
from unroll.tasks.translate.baseline import unigram_loss
from unroll.tasks.translate.batches import PairBatch, PairBatches
from unroll.tasks.translate.decoding import translate
from unroll.tasks.translate.metrics import bleu_score, exact_match, token_metrics
from unroll.tasks.translate.network import TranslateNetwork
from unroll.tasks.translate.reader import TranslateData, encode_pairs
from unroll.tasks.translate.settings import TranslateSettings
from unroll.training.objective import Objective, TrainingBatch

TRANSLATED = 50  # pairs of the validation set that are translated during training
EVALUATED = 500  # pairs of the validation set whose loss is computed then
FEWEST = 100  # of them at least, where the budget is short
# calibration and final metrics: a part of a budget of seconds, and at most so many evaluations
ENDING_PART, MOST_ENDING = 0.06, 100.0
MEANINGFUL = (
    0.6  # loss from which on translations say something, over that of frequencies of tokens
)
UNITS = {"char": "characters", "word": "words", "bpe": "tokens"}


class TranslateObjective(Objective):
    """The cross-entropy of target tokens, given the source and the tokens before.

    Args:
        network: on the device.
        data: training set and validation set.
        settings: every one of them has a value.
        device: of the network.
    """

    def __init__(
        self,
        network: TranslateNetwork,
        data: TranslateData,
        settings: TranslateSettings,
        device: torch.device,
    ) -> None:
        self.batches = PairBatches(
            data.train,
            settings.batch_size or 1,
            settings.seed,
            settings.teacher_forcing,
            settings.forcing_epochs,
        )
        super().__init__(
            network,
            device=device,
            batches_per_epoch=self.batches.per_epoch,
            learning_rate=settings.learning_rate or 1e-3,
            unit=UNITS[settings.level],
        )
        self.network, self.preprocessor = network, data.preprocessor
        self.smoothing = settings.label_smoothing
        self.greedy = settings.model_copy(update={"beam": 1, "best": 1, "temperature": None})
        valid = data.valid_pairs
        self.translated = [valid[row] for row in evenly_spread(len(valid), TRANSLATED)]
        evaluated = [valid[row] for row in evenly_spread(len(valid), EVALUATED)]
        self.all_evaluated = self.evaluated = encode_pairs(evaluated, data.preprocessor)
        size = len(data.preprocessor.target)
        self.frequencies = unigram_loss(data.train.target, self.evaluated.target, size)
        self.data, self.settings = data, settings

    def batch(self, number: int) -> TrainingBatch:
        batch = self.batches.batch(number).to(self.device)
        return TrainingBatch(batch.tokens, partial(self.loss, batch), ragged=True)

    def loss(self, batch: PairBatch, state: State | None) -> tuple[Tensor, State | None]:
        """The loss summed over the targets of a batch; no state is carried."""
        loss = self.network.loss(
            batch.source,
            batch.lengths,
            batch.inputs,
            batch.target,
            batch.weight,
            smoothing=self.smoothing,
            teacher_forcing=batch.forcing,
        )
        return loss, None

    def evaluate(self) -> dict[str, float]:
        begun = time.perf_counter()
        tokens = token_metrics(self.network, self.evaluated, self.device)
        if self.settings.seconds is not None:
            whole = (time.perf_counter() - begun) * len(self.all_evaluated) / len(self.evaluated)
            fit = ENDING_PART * self.settings.seconds / max(whole, 1e-6)
            self.ending_evaluations = min(MOST_ENDING, max(1.0, fit))
        metrics = {
            "loss": tokens["loss"],
            "perplexity": tokens["perplexity"],
            "token_accuracy": tokens["token_accuracy"],
        }
        if tokens["loss"] < MEANINGFUL * self.frequencies:
            translations = self._translate([pair.source for pair in self.translated])
            references = [pair.target for pair in self.translated]
            metrics["bleu"] = bleu_score(translations, references)[0]
            metrics["exact_match"] = exact_match(translations, references)
        return metrics

    def limit_evaluation(self, share: float) -> float:
        size = len(self.all_evaluated)
        rows = evenly_spread(size, max(FEWEST, round(share * size)))
        self.evaluated = self.all_evaluated.select(rows.tolist())
        return len(rows) / max(1, size)

    def with_validation_set(self) -> TranslateObjective | None:
        return type(self)(self.network, self.data.joined(), self.settings, self.device)

    def sample(self) -> str:
        source, target = self.translated[0]
        (translation,) = self._translate([source])
        return f"{source}\n-> {translation}\n   ({target})"

    def _translate(self, sources: list[str]) -> list[str]:
        """Greedy translations, which are fast."""
        predictions = translate(
            self.network, self.preprocessor, sources, self.greedy, self.device, alone=True
        )
        return [prediction["translation"] for prediction in predictions]
