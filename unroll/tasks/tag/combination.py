"""A network and a simple model that choose tags together, each with a weight.

T time, B batch, K labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unroll.layers.crf import CRF
from unroll.tasks.tag.encoded import TagBatch
from unroll.tasks.tag.floor import TagFloor
from unroll.tasks.tag.network import OUTSIDE, Tagger
from unroll.tasks.tag.output import TagOutput


@dataclass(frozen=True)
class Mixture:
    """How much a network and a simple model count.

    Attributes:
        network: a, what the scores of the network are multiplied by.
        floor: b, the same for the simple model.
        outside: c, what is subtracted from the score of words outside spans.
    """

    network: float
    floor: float
    outside: float = 0.0


class CombinedTagger:
    """A network beside a simple model.

        scores_t = a network_t + b floor_t - c [label 0]
        pairs = a pairs of the network + b pairs of the floor; so are begin and end

    Both are log-linear, so their weighted sum is a linear-chain CRF again, or a softmax where neither
    has pairs, and the most likely tags are found exactly.

    Args:
        network: a tagger.
        floor: the simple model. None: the network is alone, and everything is as it does it.
        mixture: the weights. Default: those that the network keeps.

    Attributes:
        output: chooses the tags.
    """

    def __init__(
        self, network: Tagger, floor: TagFloor | None = None, mixture: Mixture | None = None
    ) -> None:
        self.network, self.floor = network, floor
        self.mixture = Mixture(1.0, 0.0)
        self.output: TagOutput = network.choice
        if floor is not None:
            self.mixture = mixture or kept_mixtures(network)["combined"]
            self.output = TagOutput(combined_crf(network, floor, self.mixture))

    @property
    def reads(self) -> bool:
        """Whether the network counts at all."""
        return self.floor is None or self.mixture.network > 0

    def combine(self, network: Tensor | None, floor: Tensor | None) -> Tensor:
        """The scores of both together, [T, B, K].

        Args:
            network: its scores, [T, B, K]; None where it does not count.
            floor: those of the simple model, [T, B, K]; None where there is none.
        """
        parts = []
        if network is not None and self.mixture.network > 0:
            parts.append(network if self.floor is None else self.mixture.network * network)
        if floor is not None and self.floor is not None:
            parts.append(self.mixture.floor * floor)
        scores = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        if self.mixture.outside:
            scores[..., OUTSIDE] -= self.mixture.outside
        return scores

    def scores(self, batch: TagBatch) -> Tensor:
        """The scores of a batch, [T, B, K]; the network is called in the mode that it is in."""
        return self.combine(self.network(batch) if self.reads else None, batch.floor)


def kept_mixtures(network: Tagger) -> dict[str, Mixture]:
    """The weights that a network keeps: "combined", and those of each "network" and "floor" alone."""
    a, b, outside, own, floor = network.mixture.tolist()
    return {
        "combined": Mixture(a, b, outside),
        "network": Mixture(1.0, 0.0, own),
        "floor": Mixture(0.0, 1.0, floor),
    }


@torch.no_grad()
def keep_mixtures(network: Tagger, mixtures: dict[str, Mixture]) -> None:
    """Keep such weights in a network."""
    both = mixtures["combined"]
    own, floor = mixtures["network"].outside, mixtures["floor"].outside
    network.mixture.copy_(torch.tensor([both.network, both.floor, both.outside, own, floor]))


@torch.no_grad()
def combined_crf(network: Tagger, floor: TagFloor, mixture: Mixture) -> CRF | None:
    """The CRF of both together; None where neither has one."""
    if network.crf is None and floor.chain is None:
        return None
    K = network.output.out_features
    chain = None if floor.chain is None else vars(floor.chain).values()
    allowed = None
    if network.crf is not None:
        begin, pairs, end = network.crf.weights()
        allowed = (begin.isfinite(), pairs.isfinite(), end.isfinite())
    elif chain is not None:
        begin, pairs, end = (torch.from_numpy(part).isfinite() for part in chain)
        allowed = (begin, pairs, end)
    crf = CRF(K, allowed).to(network.output.weight)
    for parameter in crf.parameters():
        parameter.zero_()
    own = (crf.begin, crf.pairs, crf.end)
    if network.crf is not None:
        theirs = (network.crf.begin, network.crf.pairs, network.crf.end)
        for mine, weights in zip(own, theirs, strict=True):
            mine.add_(mixture.network * weights)
    if chain is not None:
        for mine, part in zip(own, chain, strict=True):
            finite = torch.from_numpy(part).nan_to_num(neginf=0.0).to(mine)
            mine.add_(mixture.floor * finite)
    return crf
