"""How much network and n-grams count: their gate, fitted on the validation set."""

from __future__ import annotations

import torch

from unroll.data.encoded import Encoded, first_tokens
from unroll.models.language import LanguageModel
from unroll.models.mixture_gate import Evidence
from unroll.tasks.language.floor import LanguageFloor
from unroll.tasks.language.metrics import text_evidence

TOKENS = 50_000  # of the validation set that the gate is fitted to, at most


def calibrate(
    network: LanguageModel, floor: LanguageFloor, valid: Encoded, device: torch.device
) -> list[str]:
    """Fit the gate of a network.

    Args:
        network: the best weights, on the device.
        floor: the n-gram model of the training set alone.
        valid: the validation set.
        device: where the batches go.

    Returns:
        A sentence on what was fitted.

    Raises:
        ValueError: where the network has no gate.
    """
    if network.gate is None:
        raise ValueError("calibrate got a network without a gate.")
    parts = text_evidence(network, floor.ngrams, first_tokens(valid, TOKENS), device)
    share = network.gate.fit(Evidence.joined(evidence for evidence, _ in parts))
    return [
        f"The network and the {floor.name} model are mixed: the network has {share:.0%} of the "
        "probability on average, as fits the validation set best (--set floor=none: the network alone)."
    ]
