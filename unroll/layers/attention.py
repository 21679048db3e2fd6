"""Attention of a decoder over an encoder's outputs.

T steps of the decoder, S steps of the encoder, B batch, Q width of a query, K width of a key.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from unroll.layers.dense import Dense

KINDS = ("dot", "general", "additive")


class Memory(NamedTuple):
    """The encoder's outputs, prepared once for all steps.

    Attributes:
        keys: [B, S, K].
        projected: the keys as the scores need them [B, S, Q].
        mask: true where there is a key, bool [B, S].
    """

    keys: Tensor
    projected: Tensor
    mask: Tensor

    def select(self, rows: Tensor) -> Memory:
        """These rows [B'] of the batch, in this order; a row may be taken twice (beam search).

        Args:
            rows: numbers of rows [B'], from 0.

        Returns:
            The memory with B' in place of B.
        """
        return Memory(*(field.index_select(0, rows) for field in self))


class Attention(nn.Module):
    """A weighted mean of the encoder's outputs for each query, all queries at once.

    When to use it: between an encoder and a decoder whose lengths differ. Start with "general";
    "dot" has no weights and needs Q = K; "additive" is often a little better where queries and keys
    are of different kinds, and needs T * S * Q numbers of memory per sequence.

    Equations:

        e_ti = score(q_t, k_i)         a_t = softmax over i of e_t         context_t = sum_i a_ti k_i

        dot       q_t . k_i
        general   q_t . (W k_i)
        additive  v . tanh(W q_t + U k_i)
        coverage  adds w * sum_{t' < t} a_t'i to e_ti: earlier attention lowers or raises the score

    Source: M.-T. Luong et al., Effective approaches to attention-based neural machine translation,
    2015 (https://arxiv.org/abs/1508.04025) for dot and general; D. Bahdanau et al., Neural machine
    translation by jointly learning to align and translate, 2015 (https://arxiv.org/abs/1409.0473)
    for additive; Z. Tu et al., Modeling coverage for neural machine translation, 2016
    (https://arxiv.org/abs/1601.04811) for coverage, here in its simplest form.

    Args:
        query_size: Q.
        key_size: K.
        kind: "dot", "general" or "additive".
        coverage: whether earlier attention changes the scores; the steps are then computed one
            after the other.

    Shapes:
        - queries: [T, B, Q].
        - memory: what `remember` returns.
        - covered: with coverage, the summed weights of earlier steps [B, S], or None.
        - returns: contexts [T, B, K] and weights [T, B, S], zero where there is no key.

    Raises:
        ValueError: the kind is unknown, or it is "dot" and Q and K differ.

    Examples:
        >>> import torch
        >>> from unroll.layers.attention import Attention
        >>> attention = Attention(query_size=4, key_size=6, kind="general")
        >>> keys, lengths = torch.randn(5, 2, 6), torch.tensor([5, 3])
        >>> context, weights = attention(torch.randn(7, 2, 4), attention.remember(keys, lengths))
        >>> tuple(context.shape), tuple(weights.shape), weights[0, 1, 3:].tolist()
        ((7, 2, 6), (7, 2, 5), [0.0, 0.0])
    """

    def __init__(
        self, query_size: int, key_size: int, kind: str = "general", *, coverage: bool = False
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"Attention got kind={kind!r}; expected one of {', '.join(KINDS)}.")
        if kind == "dot" and query_size != key_size:
            raise ValueError(
                f"Attention by dot needs queries as wide as keys; got query_size={query_size} and "
                f'key_size={key_size}. Make them equal, or take kind="general".'
            )
        self.kind = kind
        self.project = None if kind == "dot" else Dense(key_size, query_size, bias=False)
        self.ask = Dense(query_size, query_size) if kind == "additive" else None
        self.judge = nn.Linear(query_size, 1, bias=False) if kind == "additive" else None
        self.coverage = nn.Parameter(torch.zeros(())) if coverage else None

    def remember(self, keys: Tensor, lengths: Tensor | None = None) -> Memory:
        """Prepare the encoder's outputs.

        Args:
            keys: the outputs [S, B, K].
            lengths: true lengths [B]; all S where None."""
        S, B = keys.shape[:2]
        if lengths is None:
            lengths = torch.full((B,), S)
        mask = torch.arange(S, device=keys.device) < lengths.to(keys.device)[:, None]
        projected = keys if self.project is None else self.project(keys)
        return Memory(keys.transpose(0, 1), projected.transpose(0, 1), mask)

    def forward(
        self, queries: Tensor, memory: Memory, covered: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The context of each query.

        Args:
            queries: [T, B, Q].
            memory: what `remember` returns.
            covered: with coverage, the summed weights of earlier steps [B, S]. Default: none yet.

        Returns:
            Contexts [T, B, K] and weights [T, B, S], zero where there is no key.
        """
        scores = self.scores(queries.transpose(0, 1), memory.projected)  # [B, T, S]
        # not -inf: a sequence without any key gives zeros, and no NaN
        scores = scores.masked_fill(~memory.mask[:, None], torch.finfo(scores.dtype).min)
        if self.coverage is None:
            weights = scores.softmax(-1)
        else:
            weights = coverage_weights(scores, self.coverage, covered)
        weights = weights * memory.mask[:, None]
        return torch.bmm(weights, memory.keys).transpose(0, 1), weights.transpose(0, 1)

    def scores(self, queries: Tensor, projected: Tensor) -> Tensor:
        """e [B, T, S] of queries [B, T, Q] and projected keys [B, S, Q]."""
        if self.ask is None or self.judge is None:
            return torch.bmm(queries, projected.transpose(1, 2))
        seen = torch.tanh(self.ask(queries)[:, :, None] + projected[:, None])  # [B, T, S, Q]
        scores: Tensor = self.judge(seen).squeeze(-1)
        return scores

    def extra_repr(self) -> str:
        return f"kind={self.kind}"


def coverage_weights(scores: Tensor, weight: Tensor, covered: Tensor | None) -> Tensor:
    """The weights [B, T, S] with coverage.

    Args:
        scores: [B, T, S].
        weight: w, a number.
        covered: the summed weights of earlier calls [B, S], or None."""
    so_far = torch.zeros_like(scores[:, 0]) if covered is None else covered
    weights = []
    for score in scores.unbind(1):
        weights.append((score + weight * so_far).softmax(-1))
        so_far = so_far + weights[-1]
    return torch.stack(weights, 1)
