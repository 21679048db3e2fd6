"""A vocabulary of which a network tells only the most frequent tokens apart.

A network that reads a word a few times learns nothing of it, and pays for it in every softmax. So it has one
vector and one place in its softmax for all rare tokens together, which share the probability of that place in
fixed shares:

    p(w) = p_network(w)                   w on the shortlist, w < K
    p(w) = p_network(rare) share(w)       else;  the shares sum to 1

so that p is a distribution over the whole vocabulary. Source: H. Schwenk, Continuous space language models,
2007 (https://doi.org/10.1016/j.csl.2006.09.003), section 3.3.

K tokens on the shortlist, V in the vocabulary, the most frequent first.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


def rare_shares(counts: np.ndarray, shortlist: int) -> Tensor:
    """ln share(w) of the tokens beyond a shortlist.

    Args:
        counts: how often each token comes [V]; one more of each was seen.
        shortlist: K < V.

    Returns:
        Logarithms, float32 [V - K].

    Raises:
        ValueError: where no token is left.
    """
    if not 0 < shortlist < len(counts):
        raise ValueError(f"rare_shares got shortlist={shortlist} of {len(counts)} tokens.")
    rare = np.asarray(counts[shortlist:], dtype=np.float64) + 1
    return torch.from_numpy(np.log(rare / rare.sum())).float()


class ShortlistEmbedding(nn.Embedding):
    """An embedding whose last vector is that of all further tokens: ids [*] -> vectors [*, E]."""

    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids.clamp(max=self.num_embeddings - 1))


def whole_logits(logits: Tensor, shares: Tensor) -> Tensor:
    """Logits of the whole vocabulary [*, V], of those of the shortlist and the rare place [*, K + 1].

    Both have the same normaliser, because the shares sum to 1.
    """
    return torch.cat([logits[..., :-1], logits[..., -1:] + shares], -1)


def share_of(y: Tensor, shares: Tensor, shortlist: int) -> Tensor:
    """ln share of tokens y [*], 0 for those on the shortlist; shares [V - K], shortlist K."""
    rare = shares[(y - shortlist).clamp(min=0)]
    return torch.where(y < shortlist, torch.zeros_like(rare), rare)
