"""How well a language model predicts a text: nats per token, bits per character, perplexity."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NotRequired, TypedDict

import numpy as np
import torch
from torch import Tensor

from unroll.cells import State
from unroll.counting import ratio_in_words
from unroll.data.encoded import Encoded
from unroll.data.stream import TokenBatch, evaluation_blocks, evaluation_lines
from unroll.models.kneser_ney import KneserNey
from unroll.models.language import LanguageModel
from unroll.models.mixture import NgramReader, gather_evidence
from unroll.models.mixture_gate import Evidence
from unroll.tasks.base import Progress
from unroll.tasks.language.floor import LanguageFloor

WORTH = 1e-3  # nats a network has to add
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
        baselines: by the name of the baseline: "unigram", "7-gram".
        network: of the network alone, where the model is a mixture with n-grams.
    """

    baselines: dict[str, TextMetrics]
    network: NotRequired[TextMetrics]


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
    nats, tokens, state = 0.0, 0, None
    for batch in evaluation_batches(encoded):
        total, state = batch_loss(network, batch.to(device), None if batch.fresh else state)
        nats, tokens = nats + float(total), tokens + batch.tokens
        if progress is not None:
            progress(min(1.0, tokens / max(1, encoded.tokens)))
    return text_metrics(nats, tokens, encoded)


def evaluation_batches(encoded: Encoded) -> Iterator[TokenBatch]:
    """Every token of a text once: lines each by itself, or a stream in parallel parts."""
    return evaluation_blocks(encoded) if encoded.starts is None else evaluation_lines(encoded)


@torch.no_grad()
def text_evidence(
    network: LanguageModel, ngrams: KneserNey, encoded: Encoded, device: torch.device
) -> Iterator[tuple[Evidence, np.ndarray]]:
    """What network and n-gram model say about every token of a text, batch by batch.

    Args:
        network: the model, on the device; it is put in eval mode.
        ngrams: of the same vocabulary.
        encoded: the text as ids.
        device: where the batches go.

    Yields:
        The evidence on the targets that count, and their ids, [N] each.
    """
    network.eval()
    reader, state = NgramReader(ngrams), None
    for batch in evaluation_batches(encoded):
        evidence, state = gather_evidence(network, reader, batch.to(device), state)
        counts = np.ones(batch.y.shape, bool) if batch.weight is None else batch.weight.numpy()
        yield Evidence(*(each[counts] for each in evidence)), batch.y.numpy()[counts]


def measure_mixture(
    network: LanguageModel,
    floor: LanguageFloor,
    encoded: Encoded,
    device: torch.device,
    progress: Progress,
) -> LanguageMetrics:
    """Predict every token of a text by network and n-grams together, and by each alone.

    Args:
        network: with its gate, on the device; it is put in eval mode.
        floor: the n-gram model.
        encoded: the text as ids.
        device: where the batches go.
        progress: called with the share that is done.
    """
    gate, unigram = network.gate, np.log(floor.unigram_p)
    if gate is None:
        raise ValueError("measure_mixture got a network without a gate.")
    nats, tokens = np.zeros(4), 0
    for evidence, targets in text_evidence(network, floor.ngrams, encoded, device):
        nats -= [
            gate.log_mixture(evidence).sum(),
            evidence.network.sum(),
            np.log(evidence.ngram).sum(),
            unigram[targets].sum(),
        ]
        tokens += len(targets)
        progress(min(1.0, tokens / max(1, encoded.tokens)))
    both, alone, ngram, single = (text_metrics(each, tokens, encoded) for each in nats.tolist())
    baselines = {"unigram": single, floor.name: ngram}
    return {**both, "baselines": baselines, "network": alone}


def summarise(metrics: LanguageMetrics, where: str) -> list[str]:
    """A table of the metrics of model and baselines, a line for each. where: what was measured on."""
    rows: dict[str, TextMetrics] = {"this model": metrics, **metrics["baselines"]}
    if "network" in metrics:
        rows["network alone"] = metrics["network"]
    width = max(map(len, rows))
    lines = [f"On {where}, {metrics['tokens']:,} tokens:"]
    for name, row in rows.items():
        lines.append(
            f"  {name:{width}}  {row['bits_per_character']:.3f} bits per character   "
            f"{row['nats_per_token']:.4f} nats per token   perplexity {ratio_in_words(row['perplexity'])}"
        )
    if "network" in metrics:
        lines.append(describe_gain(metrics, metrics["network"]))
    if metrics["unknown_rate"] > MANY_UNKNOWN:
        lines.append(
            f"{metrics['unknown_rate']:.0%} of these tokens are unknown to the model, so these metrics "
            "say little about the text."
        )
    return lines


def describe_gain(metrics: LanguageMetrics, network: TextMetrics) -> str:
    """Whether the network earns its seconds; network: its metrics alone."""
    name = next(name for name in metrics["baselines"] if name != "unigram")
    ngram = metrics["baselines"][name]["nats_per_token"]
    gain = ngram - metrics["nats_per_token"]
    verdict = (
        f"The network takes {gain:.4f} nats off"
        if gain >= WORTH
        else "The network adds nothing yet, longer training may"
    )
    return (
        f"The network with the n-grams: {metrics['nats_per_token']:.4f} nats per token; the {name} "
        f"model alone: {ngram:.4f}, the network alone: {network['nats_per_token']:.4f}. {verdict}."
    )
