"""What training a language model minimises: the cross-entropy of the next token."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from unroll.cells import State, map_state
from unroll.data.encoded import first_tokens, joined, last_tokens
from unroll.data.stream import Batches, BlockStream, LineBatches, TokenBatch
from unroll.models.language import LanguageModel
from unroll.models.language_decoding import generate
from unroll.tasks.language.metrics import batch_loss, measure
from unroll.tasks.language.online import online_blocks
from unroll.tasks.language.reader import Corpus
from unroll.tasks.language.settings import LanguageSettings
from unroll.tasks.language.truncation import WindowStream
from unroll.tasks.language.window_loss import window_loss
from unroll.training.objective import Objective, TrainingBatch

FEWEST_TOKENS = 4096  # of the validation set, where time allows no more
EVALUATED_TOKENS = 32_768  # of the validation set, at most, in an evaluation during training
BEFORE_VALIDATION = 4  # times the validation set is read before it, where both are learned from
MOST_LINE_TOKENS = 20_000_000  # of lines that are held in memory to be learned from once more
SAMPLE_LENGTH = {"char": 160, "word": 40, "bpe": 60}  # tokens
UNITS = {"char": "characters", "word": "words", "bpe": "tokens"}


class LanguageObjective(Objective):
    """The cross-entropy of the next token, over blocks of a stream or over lines."""

    def __init__(
        self,
        network: LanguageModel,
        corpus: Corpus,
        settings: LanguageSettings,
        device: torch.device,
    ) -> None:
        self.batches = training_batches(corpus, settings)
        super().__init__(
            network,
            device=device,
            batches_per_epoch=self.batches.per_epoch,
            learning_rate=settings.learning_rate or 1e-3,
            unit=UNITS[settings.level],
        )
        self.network, self.corpus, self.settings = network, corpus, settings
        self.batch_size = settings.batch_size or 1
        self.carries_state = settings.state == "carry" and not settings.per_line
        self.restarts = bool(settings.restarts) and self.batch_size > 1
        self.online = online_blocks(network, settings) if settings.online else None
        self.evaluated = first_tokens(corpus.valid, EVALUATED_TOKENS)

    def batch(self, number: int) -> TrainingBatch:
        batch = self.batches.batch(number).to(self.device)
        ragged = batch.lengths is not None
        loss = partial(self.loss, batch, restarted=number % self.batch_size)
        return TrainingBatch(batch.tokens, loss, batch.fresh, ragged)

    def loss(
        self, batch: TokenBatch, state: State | None, restarted: int = 0
    ) -> tuple[Tensor, State | None]:
        """The loss summed over the targets of a batch, and the state to carry into the next.

        Args:
            batch: on the device.
            state: carried from the batch before. None: zeros.
            restarted: the stream that begins with an empty state, where the settings say so.
        """
        if self.online is not None:
            return self.online(batch.x, batch.y, state)
        if self.restarts and state is not None:
            empty = self.network.initial_state(self.batch_size)
            state = map_state(partial(with_stream_of, stream=restarted), state, empty)
        new: State | None
        if batch.window is None:
            total, new = batch_loss(self.network, batch, state)
        else:
            total, new = window_loss(
                lambda x, y, s, weight: self.network.loss(x, y, s, weight=weight), batch, state
            )
        return total, new if self.carries_state else None

    def with_validation_set(self) -> LanguageObjective | None:
        """The same network over the validation set and what comes before it.

        Of a stream that is a few times as many tokens, so that the validation set is read even where
        little time is left; of lines all of them, in random order. None where nothing is held out.
        """
        train, valid = self.corpus.train, self.corpus.valid
        if not self.corpus.held_out:
            return None
        if train.starts is None:
            train = last_tokens(train, BEFORE_VALIDATION * valid.tokens)
        elif train.tokens > MOST_LINE_TOKENS:
            return None
        whole = replace(self.corpus, train=joined(train, valid))
        room = (whole.train.tokens - self.settings.block) // self.settings.block
        if not self.settings.per_line and room < self.batch_size:
            return None
        return LanguageObjective(self.network, whole, self.settings, self.device)

    def initial_state(self) -> State | None:
        if self.online is not None:
            return self.online.online.start()
        return self.network.initial_state(self.batch_size) if self.carries_state else None

    def limit_evaluation(self, share: float) -> float:
        """Let `evaluate` read fewer tokens of the validation set."""
        most = min(self.corpus.valid.tokens, EVALUATED_TOKENS)
        count = max(min(most, FEWEST_TOKENS), round(share * most))
        self.evaluated = first_tokens(self.corpus.valid, count)
        return count / max(1, most)

    def evaluate(self) -> dict[str, float]:
        metrics = measure(self.network, self.evaluated, self.device)
        return {
            "loss": metrics["nats_per_token"],
            "bits_per_character": metrics["bits_per_character"],
            "perplexity": metrics["perplexity"],
        }

    def sample(self) -> str:
        pieces = generate(
            self.network,
            self.corpus.vocabulary,
            per_line=self.settings.per_line,
            temperature=0.8,
            length=min(SAMPLE_LENGTH[self.settings.level], self.corpus.train.tokens),
            seed=self.settings.seed,
            category=0 if self.corpus.categories else None,
        )
        return "".join(pieces).strip("\n")


def with_stream_of(field: Tensor, other: Tensor, stream: int) -> Tensor:
    """A field of a state [L, B, ...] in which one of the streams is that of another state."""
    is_other = torch.arange(field.shape[1], device=field.device) == stream
    return torch.where(is_other.view(1, -1, *[1] * (field.dim() - 2)), other, field)


def training_batches(corpus: Corpus, settings: LanguageSettings) -> Batches:
    """The batches of the training set: lines, blocks of a stream, or windows of a truncation."""
    batch_size = settings.batch_size or 1
    if settings.per_line:
        return LineBatches(corpus.train, batch_size, settings.seed)
    if settings.truncation == "window":
        return BlockStream(corpus.train, batch_size, settings.block, settings.seed)
    k1, k2 = settings.reach
    return WindowStream(corpus.train, batch_size, settings.truncation, k1, k2, settings.seed)
