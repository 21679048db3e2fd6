"""What a classifier's answer rests on: how much each step speaks for it or against it.

T time, B batch, E embedding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unroll.data.labelled import LabelledBatch
from unroll.models.classifier import Classifier

TOP = 8  # parts that are told


def mattering(network: Classifier, batch: LabelledBatch) -> tuple[Tensor, Tensor]:
    """Probabilities [B, K], and the weight of each step [T, B]: gradient times input.

        weight_t = sum_e (d z_k / d e_t) e_t,   k the likeliest class, z its logit

    Positive speaks for the class. To first order the weights say how the logit would fall if the
    step were not there; they are a hint, not a proof. Source: M. Denil et al., Extraction of
    salient sentences from labelled documents, 2014 (https://arxiv.org/abs/1412.6815).
    """
    network.eval()
    with torch.enable_grad():
        e = network.embed(batch.x).detach().requires_grad_()
        logits = network.read(e, batch.lengths)
        (gradient,) = torch.autograd.grad(logits.max(1).values.sum(), e)
    p = logits.sigmoid() if network.several else logits.softmax(1)
    return p.detach(), (gradient * e.detach()).sum(-1)


def as_words(tokens: list[str], weights: list[float], *, whole: bool) -> list[tuple[str, float]]:
    """The words of a text with their weights. whole: a token is a word; else characters, or pieces
    that begin with a space where a word begins, add up.

    Example:
        >>> from unroll.decoding.mattered import as_words
        >>> as_words(list("a be"), [1.0, 0.0, 0.5, 0.25], whole=False)
        [('a', 1.0), ('be', 0.75)]
    """
    if whole:
        return list(zip(tokens, weights, strict=True))
    words: list[tuple[str, float]] = []
    fresh = True
    for token, weight in zip(tokens, weights, strict=True):
        if fresh or token[:1].isspace():
            words.append(("", 0.0))
        words[-1] = (words[-1][0] + token, words[-1][1] + weight)
        fresh = token.isspace()
    return [(word.strip(), weight) for word, weight in words if word.strip()]


def strongest(weights: list[tuple[Any, float]]) -> list[list[Any]]:
    """The parts that mattered most, for or against, in order of how much."""
    ranked = sorted(weights, key=lambda pair: -abs(pair[1]))[:TOP]
    return [[name, round(weight, 4)] for name, weight in ranked]
