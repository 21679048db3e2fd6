"""From the outputs of all steps to one vector a sequence.

T time, B batch, D directions, W width of a direction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

POOLINGS = ("last", "mean", "max", "attention")


class Pooling(nn.Module):
    """What a sequence's outputs h_1 .. h_n come to, whatever stands behind its end.

    When to use it: between a recurrent stack and a decision about the whole sequence. "max" finds
    the one step that says it, "attention" learns which steps to read, "mean" weighs all alike,
    "last" is the state of a network that must remember.

        last:       [forward h_n, backward h_1]: each direction's own last step
        mean:       sum_t h_t / n
        max:        max_t h_t, unit by unit
        attention:  sum_t a_t h_t,   a = softmax_t(v . tanh(W h_t + b))

    Source of the last: Z. Yang et al., Hierarchical attention networks for document classification,
    2016 (https://aclanthology.org/N16-1174).

    Args:
        kind: one of those four. width: D*W, the size of a step's output. directions: D.

    Input: outputs [T, B, D*W], lengths [B]. Output: [B, D*W]; zero where a length is 0.
    Raises: ValueError for another kind.

    Example:
        >>> import torch
        >>> from unroll.layers.pooling import Pooling
        >>> h = torch.tensor([[[1.0]], [[3.0]], [[9.0]]])
        >>> Pooling("mean", 1)(h, torch.tensor([2])).item()
        2.0
    """

    def __init__(self, kind: str, width: int, directions: int = 1) -> None:
        super().__init__()
        if kind not in POOLINGS:
            raise ValueError(f"Pooling got kind={kind!r}; expected one of {', '.join(POOLINGS)}.")
        self.kind, self.width, self.directions = kind, width, directions
        if kind == "attention":
            self.key = nn.Linear(width, width)
            self.query = nn.Linear(width, 1, bias=False)

    def forward(self, h: Tensor, lengths: Tensor) -> Tensor:
        T, B, _ = h.shape
        outside = torch.arange(T, device=h.device)[:, None] >= lengths  # [T, B]
        if self.kind == "last":
            ends = h[(lengths - 1).clamp(min=0), torch.arange(B, device=h.device)]
            half = self.width // self.directions
            last = ends if self.directions == 1 else torch.cat([ends[:, :half], h[0, :, half:]], 1)
            return last.masked_fill(lengths[:, None] == 0, 0.0)
        if self.kind == "mean":
            return h.masked_fill(outside[..., None], 0.0).sum(0) / lengths[:, None].clamp(min=1)
        if self.kind == "max":
            highest = h.masked_fill(outside[..., None], -torch.inf).amax(0)
            return highest.masked_fill(lengths[:, None] == 0, 0.0)
        score = self.query(torch.tanh(self.key(h)))  # [T, B, 1]
        # not -inf: a sequence without steps would be 0 / 0
        weight = score.masked_fill(outside[..., None], -1e9).softmax(0)
        return (weight.masked_fill(outside[..., None], 0.0) * h).sum(0)

    def extra_repr(self) -> str:
        return f"{self.kind}, {self.width}, directions={self.directions}"
