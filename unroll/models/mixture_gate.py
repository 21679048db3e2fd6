"""The gate between a network and an n-gram model: which share of the probability each gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

ALONE = 100.0  # the bias with which the network is alone: sigmoid(100) is 1
ENOUGH = 2_000  # tokens of a validation set from which on more than the bias is fitted
FEATURES = 3
SPREAD = 3.0  # of the prior of each number: the n-grams, until the validation set says otherwise
USUAL_BIAS = -4.0  # its mean


class Evidence(NamedTuple):
    """What network and n-gram model say about tokens, float64, each [*].

    Attributes:
        network: ln p of the token by the network.
        entropy: of the network's distribution, in nats.
        top: ln p of the network's most likely token.
        ngram: p of the token by the n-gram model.
        seen: the share of the longest history that the n-gram model has seen, 0 to 1.
    """

    network: np.ndarray
    entropy: np.ndarray
    top: np.ndarray
    ngram: np.ndarray
    seen: np.ndarray

    @classmethod
    def joined(cls, parts: Iterable[Evidence]) -> Evidence:
        """Parts [N] one after another."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))


class MixtureGate(nn.Module):
    """g = sigmoid(weight . (seen, entropy, top) + bias), the share of the network.

    Until it is fitted, the share of the network is 1.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(FEATURES))
        self.register_buffer("bias", torch.full((), ALONE))

    def share(self, seen: np.ndarray, entropy: np.ndarray, top: np.ndarray) -> np.ndarray:
        """The share of the network, 0 to 1, [*]; of what `Evidence` says, each [*]."""
        weight = self.weight.tolist()
        z = weight[0] * seen + weight[1] * entropy + weight[2] * top + float(self.bias)
        share: np.ndarray = 1 / (1 + np.exp(-z))
        return share

    def log_mixture(self, evidence: Evidence) -> np.ndarray:
        """ln p of the tokens by both models together [*]."""
        share = self.share(evidence.seen, evidence.entropy, evidence.top)
        mixed: np.ndarray = np.log(share * np.exp(evidence.network) + (1 - share) * evidence.ngram)
        return mixed

    def fit(self, evidence: Evidence) -> float:
        """Fit the gate to tokens that neither model has learned from.

            minimise  -mean ln p + (|weight|^2 + (bias - USUAL_BIAS)^2) / (2 SPREAD^2 N)

        by L-BFGS; below `ENOUGH` tokens only the bias is fitted.

        Args:
            evidence: on the tokens, each [N].

        Returns:
            The mean share of the network.
        """
        from scipy.optimize import minimize

        x = np.stack(
            [evidence.seen, evidence.entropy, evidence.top, np.ones_like(evidence.seen)], 1
        )
        if len(x) < ENOUGH:
            x[:, :FEATURES] = 0
        network, ngram = np.exp(evidence.network), evidence.ngram

        def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
            """The objective and its gradient for weight and bias [4]."""
            share = 1 / (1 + np.exp(-(x @ w)))
            p = share * network + (1 - share) * ngram
            slope = (network - ngram) / p * share * (1 - share)
            away = w - usual
            prior = away / (SPREAD**2 * len(x))
            return float(-np.log(p).mean() + away @ prior / 2), prior - slope @ x / len(x)

        usual = np.array([0.0] * FEATURES + [USUAL_BIAS])
        found = minimize(loss, np.zeros(FEATURES + 1), jac=True, method="L-BFGS-B").x
        self.weight.copy_(torch.from_numpy(found[:FEATURES]))
        self.bias.fill_(float(found[FEATURES]))
        return float(self.share(evidence.seen, evidence.entropy, evidence.top).mean())
