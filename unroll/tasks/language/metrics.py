"""How well a language model predicts a text: nats per token, bits per character, perplexity."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypedDict

import torch
from torch import Tensor

from unroll.cells import State
from unroll.data.encoded import Encoded
from unroll.data.stream import TokenBatch, evaluation_blocks, evaluation_lines
from unroll.models.language import LanguageModel
from unroll.tasks.base import Progress

MANY_UNKNOWN = 0.2  # share of unknown tokens from which on the metrics say little


class TextMetrics(TypedDict):
    """How well one model predicts one text.

    Attributes:
        nats_per_token: mean negative log-probability of a token, natural logarithm.
        bits_per_character: the same in base 2, for each character of the text.
        perplexity: exp(nats_per_token).
        tokens: how many tokens were predicted.
        unknown_rate: share of the tokens that the vocabulary does not have, 0 to 1.
    """

    nats_per_token: float
    bits_per_character: float
    perplexity: float
    tokens: int
    unknown_rate: float


class LanguageMetrics(TextMetrics):
    """The metrics of the model, and those of the baselines on the same text.

    Attributes:
        baselines: by the name of the baseline: "unigram", "5-gram".
    """

    baselines: dict[str, TextMetrics]


def text_metrics(nats: float, tokens: int, encoded: Encoded) -> TextMetrics:
    """The metrics of a model from its loss on a text.

    Args:
        nats: the negative log-probability, summed over the tokens.
        tokens: how many tokens were predicted.
        encoded: the text.
    """
    per_token = nats / tokens
    return {
        "nats_per_token": per_token,
        "bits_per_character": per_token / math.log(2) * encoded.tokens / max(1, encoded.characters),
        "perplexity": math.exp(min(per_token, 700.0)),
        "tokens": tokens,
        "unknown_rate": encoded.unknown_rate,
    }


def batch_loss(
    network: LanguageModel, batch: TokenBatch, state: State | None
) -> tuple[Tensor, State]:
    """The loss of a batch, summed over the targets that count, in nats; and the state after it."""
    return network.loss(
        batch.x,
        batch.y,
        state,
        lengths=batch.lengths,
        category=batch.category,
        weight=batch.weight,
    )


@torch.no_grad()
def measure(
    network: LanguageModel,
    encoded: Encoded,
    device: torch.device,
    progress: Progress | None = None,
) -> TextMetrics:
    """Predict every token of a text from all before it.

    Args:
        network: the model, on the device; it is put in eval mode.
        encoded: the text as ids; lines are read each by itself, a stream with its state carried.
        device: where the batches go.
        progress: called with the share that is done. Default: no progress is reported.
    """
    network.eval()
    batches: Iterator[TokenBatch]
    batches = evaluation_blocks(encoded) if encoded.starts is None else evaluation_lines(encoded)
    nats, tokens, state = 0.0, 0, None
    for batch in batches:
        total, state = batch_loss(network, batch.to(device), None if batch.fresh else state)
        nats, tokens = nats + float(total), tokens + batch.tokens
        if progress is not None:
            progress(min(1.0, tokens / max(1, encoded.tokens)))
    return text_metrics(nats, tokens, encoded)


def summarise(metrics: LanguageMetrics, where: str) -> list[str]:
    """A table of the metrics of model and baselines, a line for each. where: what was measured on."""
    rows: dict[str, TextMetrics] = {"this model": metrics, **metrics["baselines"]}
    width = max(map(len, rows))
    lines = [f"On {where}, {metrics['tokens']:,} tokens:"]
    for name, row in rows.items():
        lines.append(
            f"  {name:{width}}  {row['bits_per_character']:.3f} bits per character   "
            f"{row['nats_per_token']:.4f} nats per token   perplexity {row['perplexity']:,.2f}"
        )
    if metrics["unknown_rate"] > MANY_UNKNOWN:
        lines.append(
            f"{metrics['unknown_rate']:.0%} of these tokens are unknown to the model, so these metrics "
            "say little about the text."
        )
    return lines
