"""Tokens as one-hot vectors: the input of the textbooks, without an embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding


class OneHot(nn.Module):
    """Ids as one-hot vectors, in place of an embedding.

    When to use it: for a small alphabet, to see what the weights of the cell do with each token. The
    product of weight_ih and a one-hot vector is a column of weight_ih, so it is an embedding inside of
    the cell.

        x_k = e_k       of the token k < V, a vector with a one at k
        x_k = 0         of an id that is read and never predicted: the start of a text

    Args:
        ids: how many are read.
        size: V, the width of the vectors.

    Shapes:
        - ids: [*].
        - returns: [*, V].

    Examples:
        >>> import torch
        >>> from unroll.models.one_hot import OneHot
        >>> OneHot(4, 3)(torch.tensor([2, 0, 3])).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    weight: Tensor

    def __init__(self, ids: int, size: int) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = ids, size
        # it follows from the sizes, so no file holds it
        self.register_buffer("weight", torch.eye(ids, size), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        return embedding(ids, self.weight)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}"
