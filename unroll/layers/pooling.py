"""From the outputs of all steps to one vector per sequence.

T time, B batch, D directions, W width of a direction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

POOLINGS = ("last", "mean", "max", "attention")


class Pooling(nn.Module):
    """One vector from the outputs h_1 .. h_n of a sequence; padding is ignored.

    When to use it: between a recurrent stack and a decision about the complete sequence. "max"
    finds the one step that decides, "attention" learns which steps to read, "mean" weights all
    steps equally, "last" relies on the memory of the network.

    Equations:

        last:       [forward h_n, backward h_1]: each direction's own last step
        mean:       sum_t h_t / n
        max:        max_t h_t, unit by unit
        attention:  sum_t a_t h_t,   a = softmax_t(v . tanh(W h_t + b))

    Source of the last: Z. Yang et al., Hierarchical attention networks for document classification,
    2016 (https://aclanthology.org/N16-1174).

    Args:
        kind: "last", "mean", "max" or "attention".
        width: D*W, the width of a step's output.
        directions: D, 1 or 2.

    Shapes:
        - h: outputs `[T, B, D*W]`.
        - lengths: [B].
        - returns: `[B, D*W]`; zero where a length is 0.

    Raises:
        ValueError: the kind is unknown.

    Examples:
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
        """Outputs h `[T, B, D*W]`, lengths [B] -> one vector per sequence `[B, D*W]`; zero where empty."""
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
        return (self.attention(h, outside)[..., None] * h).sum(0)

    def attention(self, h: Tensor, outside: Tensor) -> Tensor:
        """The learned weights a [T, B]; zero for steps that are outside [T, B]."""
        score = self.query(torch.tanh(self.key(h)))[..., 0]
        # not -inf: a sequence without steps would be 0 / 0
        return score.masked_fill(outside, -1e9).softmax(0).masked_fill(outside, 0.0)

    def weights(self, h: Tensor, lengths: Tensor) -> Tensor:
        """The weight of each step in the result [T, B].

        When to use it: to see which steps a decision about a sequence depends on. For "mean" and
        "attention" these are the weights; for "max" and "last" the share of the result's numbers
        that come from the step. Each column sums to one, or to zero where a length is 0.

        Examples:
            >>> import torch
            >>> from unroll.layers.pooling import Pooling
            >>> h = torch.tensor([[[1.0, 5.0]], [[3.0, 4.0]]])
            >>> Pooling("max", 2).weights(h, torch.tensor([2])).squeeze(1).tolist()
            [0.5, 0.5]
        """
        T = len(h)
        steps = torch.arange(T, device=h.device)[:, None]
        outside = steps >= lengths  # [T, B]
        if self.kind == "attention":
            return self.attention(h, outside)
        if self.kind == "mean":
            return torch.where(outside, 0.0, 1.0 / lengths.clamp(min=1)).to(h)
        if self.kind == "last":
            share = (steps == lengths - 1).to(h)
            if self.directions == 2:
                share = (share + (steps == 0)) / 2
            return share.masked_fill(outside, 0.0)
        most = h.masked_fill(outside[..., None], -torch.inf).argmax(0)  # [B, D*W]
        return ((steps[..., None] == most).to(h).mean(2)).masked_fill(outside, 0.0)

    def extra_repr(self) -> str:
        return f"{self.kind}, {self.width}, directions={self.directions}"
