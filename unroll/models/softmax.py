"""Softmax and cross-entropy of a large vocabulary, a few rows at a time.

The logits of a block, [N, V], take tens of megabytes for words, and are written and read several
times per training step. Here they are computed for so few rows that they stay in the processor's
cache, and are turned into their own gradient at once. The arithmetic is the same.

Memory: at most CHUNK numbers instead of about 4 N V. N rows, H hidden, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import cross_entropy, linear

from unroll.engine.products import over_rows, product
from unroll.models.shortlist import share_of

CHUNK = 1 << 22  # logits at a time: 16 MiB of float32
ROWS = 256  # rows at a time: with blocks of every size the allocator would fragment the memory


class LinearCrossEntropy(torch.autograd.Function):
    """sum_n -log softmax(weight h_n + bias)[y_n]; the forward pass computes the gradients too.

    The part of the loss that comes from label smoothing is linear in the logits, so it costs two
    small products and does not read the logits again.
    """

    @staticmethod
    def forward(
        ctx: Any, h: Tensor, weight: Tensor, bias: Tensor, y: Tensor, smoothing: float
    ) -> Tensor:
        """h [N, H], weight [V, H], bias [V], targets y [N], smoothing 0 to 1 -> the summed loss []."""
        N, V = len(h), len(weight)
        rows = max(1, min(N, ROWS, CHUNK // V))
        needs_h, needs_weight, needs_bias, *_ = ctx.needs_input_grad
        grad_h = torch.empty_like(h) if needs_h else None
        grad_weight = torch.zeros_like(weight) if needs_weight else None
        grad_bias = torch.zeros_like(bias) if needs_bias else None
        total = h.new_zeros(())
        for at in range(0, N, rows):
            part, target = h[at : at + rows], y[at : at + rows, None]
            logits = product(part, weight.t(), bias)
            most = logits.amax(1, keepdim=True)
            chosen = logits.gather(1, target)
            logits.sub_(most).exp_()
            mass = logits.sum(1, keepdim=True)
            total += (mass.log() + most - (1 - smoothing) * chosen).sum()
            # from here `logits` holds softmax - one_hot, the gradient of the loss with respect to it
            logits.div_(mass)
            logits.scatter_add_(1, target, logits.new_full((len(part), 1), smoothing - 1.0))
            if grad_h is not None:
                grad_h[at : at + rows] = product(logits, weight)
            if grad_weight is not None:
                grad_weight += over_rows(logits, part)
            if grad_bias is not None:
                grad_bias += logits.sum(0)
        if smoothing:
            spread = smoothing / V
            total -= spread * (h @ weight.sum(0) + bias.sum()).sum()
            if grad_h is not None:
                grad_h -= spread * weight.sum(0)
            if grad_weight is not None:
                grad_weight -= spread * h.sum(0)
            if grad_bias is not None:
                grad_bias -= spread * N
        ctx.save_for_backward(grad_h, grad_weight, grad_bias)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        """scale [] -> gradients of h [N, H], weight [V, H] and bias [V]; None for the others."""
        gradients = [None if g is None else g * scale for g in ctx.saved_tensors]
        return (*gradients, None, None)


def linear_cross_entropy(
    h: Tensor, weight: Tensor, bias: Tensor, y: Tensor, smoothing: float = 0.0
) -> Tensor:
    """Summed cross-entropy in nats of targets y under softmax(h weight^T + bias).

    When to use it: as the loss over a large vocabulary; first derivatives only.

    Args:
        h: what the softmax reads [N, H].
        weight: of the softmax [V, H].
        bias: of the softmax [V].
        y: ids of the targets [N], int64.
        smoothing: the target is 1 - smoothing of y and smoothing / V of every id (label smoothing:
            C. Szegedy et al., Rethinking the Inception architecture, 2016,
            https://arxiv.org/abs/1512.00567), as in `torch.nn.functional.cross_entropy`.

    Returns:
        A scalar.

    Examples:
        >>> import torch
        >>> from unroll.models.softmax import linear_cross_entropy
        >>> h, weight, y = torch.randn(5, 3), torch.randn(7, 3), torch.arange(5)
        >>> loss = linear_cross_entropy(h, weight, torch.zeros(7), y)
        >>> expected = torch.nn.functional.cross_entropy(h @ weight.T, y, reduction="sum")
        >>> torch.allclose(loss, expected)
        True
    """
    loss: Tensor = LinearCrossEntropy.apply(h, weight, bias, y, smoothing)
    return loss


@torch.no_grad()
def loss_and_hits(h: Tensor, weight: Tensor, bias: Tensor, y: Tensor) -> tuple[float, int]:
    """Evaluate predictions of known targets.

    When to use it: for the validation loss and the accuracy of tokens that are predicted from the
    true ones before them.

    Args:
        h: what the softmax reads [N, H].
        weight: of the softmax [V, H].
        bias: of the softmax [V].
        y: ids of the targets [N], int64.

    Returns:
        The summed cross-entropy in nats, and how many targets are the most likely token.

    Examples:
        >>> import torch
        >>> from unroll.models.softmax import loss_and_hits
        >>> nats, hits = loss_and_hits(torch.eye(2), torch.eye(2), torch.zeros(2), torch.tensor([0, 0]))
        >>> round(nats, 4), hits
        (1.6265, 1)
    """
    logits = linear(h, weight, bias)
    return float(cross_entropy(logits, y, reduction="sum")), int((logits.argmax(1) == y).sum())


@torch.no_grad()
def predictions_of(
    h: Tensor, weight: Tensor, bias: Tensor, y: Tensor, rare: Tensor | None = None
) -> Tensor:
    """How sure softmax(h weight^T + bias) is of known targets, a few rows at a time.

    Args:
        h: what the softmax reads [N, H].
        weight: of the softmax [V, H].
        bias: of the softmax [V].
        y: ids of the targets [N], int64.
        rare: ln share of tokens that have the last place of the softmax together [R]; their ids are
            from V - 1 on. None: there are none.

    Returns:
        ln p of each target, the entropy of the distribution in nats, and its highest ln p, [3, N].
    """
    found = h.new_empty(3, len(h))
    last = len(weight) - 1
    rows = max(1, CHUNK // len(weight))
    for at in range(0, len(h), rows):
        log_p = linear(h[at : at + rows], weight, bias).log_softmax(-1)
        target = y[at : at + rows]
        found[0, at : at + rows] = log_p.gather(1, target.clamp(max=last)[:, None])[:, 0]
        found[1, at : at + rows] = -(log_p.exp() * log_p).sum(1)
        if rare is not None:
            found[0, at : at + rows] += share_of(target, rare, last)
            found[1, at : at + rows] -= log_p[:, last].exp() * (rare.exp() * rare).sum()
            log_p[:, last] += rare.max()
        found[2, at : at + rows] = log_p.amax(1)
    return found
