"""A linear-chain conditional random field: labels that are chosen together, not one by one.

T time, B batch, K labels. All sums are exact and computed with logarithms. Time O(T B K^2), in a
loop over T; memory O(T B K), and O(T B K^2) for the expected counts of pairs in the gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class CRF(nn.Module):
    """The probability of a complete sequence of labels, given a score of each label at each step.

    When to use it: on top of a tagger whose labels depend on each other, as the parts of a span do.

    Equations:

        s(y) = begin[y_1] + sum_t scores[t, y_t] + sum_{t>1} pairs[y_{t-1}, y_t] + end[y_T]
        log p(y) = s(y) - log sum_{y'} exp s(y')

    Source: J. Lafferty, A. McCallum and F. Pereira, Conditional random fields, 2001.

    Args:
        labels: K.
        allowed: which labels may be first [K], which label (column) may follow which (row) [K, K],
            and which may be last [K], bool; a sequence that is not allowed has probability zero.
            None: all are allowed.

    Shapes:
        - scores: [T, B, K], floating point.
        - lengths: [B], 0 <= lengths <= T; all T where None. Values past a length are ignored.

    Raises:
        ValueError: sizes do not fit together.

    Examples:
        >>> import torch
        >>> from unroll.layers.crf import CRF
        >>> crf, scores = CRF(3), torch.randn(4, 2, 3)
        >>> best = crf.best(scores)
        >>> p = crf.log_likelihood(scores, best).exp()
        >>> bool((p > 1 / 3**4).all()), torch.allclose(crf.marginals(scores).sum(-1), torch.ones(4, 2))
        (True, True)
    """

    def __init__(self, labels: int, allowed: tuple[Tensor, Tensor, Tensor] | None = None) -> None:
        super().__init__()
        if labels < 1:
            raise ValueError(f"CRF got labels={labels}; expected at least 1.")
        self.labels = labels
        self.begin = nn.Parameter(torch.zeros(labels))
        self.pairs = nn.Parameter(torch.zeros(labels, labels))
        self.end = nn.Parameter(torch.zeros(labels))
        shapes = ((labels,), (labels, labels), (labels,))
        names = ("no_begin", "no_pairs", "no_end")
        for k, (name, shape) in enumerate(zip(names, shapes, strict=True)):
            given = torch.ones(shape, dtype=torch.bool) if allowed is None else allowed[k]
            if tuple(given.shape) != shape:
                raise ValueError(
                    f"CRF got allowed[{k}] of shape {list(given.shape)}; expected {list(shape)} for "
                    f"{labels} labels."
                )
            self.register_buffer(name, ~given.bool(), persistent=False)

    def log_likelihood(self, scores: Tensor, tags: Tensor, lengths: Tensor | None = None) -> Tensor:
        """log p(tags) [B]: zero where a sequence is empty, -inf where the tags are not allowed.

        Args:
            scores: [T, B, K].
            tags: numbers of labels [T, B].
            lengths: [B], or None.
        """
        scores, lengths = self._checked(scores, lengths)
        begin, pairs, end = self.weights()
        normaliser: Tensor = LogNormaliser.apply(scores, begin, pairs, end, lengths)
        return path_scores(scores, tags, lengths, begin, pairs, end) - normaliser

    @torch.no_grad()
    def best(self, scores: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The most likely labels [T, B] (Viterbi's algorithm); zero past each length."""
        scores, lengths = self._checked(scores, lengths)
        begin, pairs, end = self.weights()
        T, B, _ = scores.shape
        path = torch.zeros(T, B, dtype=torch.long, device=scores.device)
        if T == 0:
            return path
        best, backs = begin + scores[0], []
        for t in range(1, T):
            value, back = (best.unsqueeze(2) + pairs).max(1)  # [B, K]
            running = (t < lengths).unsqueeze(1)
            best = torch.where(running, value + scores[t], best)
            backs.append(torch.where(running, back, torch.arange(self.labels, device=back.device)))
        label = (best + end).argmax(1)
        for t in range(T - 1, -1, -1):
            path[t] = torch.where(t < lengths, label, 0)
            if t:
                label = backs[t - 1].gather(1, label.unsqueeze(1)).squeeze(1)
        return path

    @torch.no_grad()
    def marginals(self, scores: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The probability of each label at each step [T, B, K]; zero past each length."""
        scores, lengths = self._checked(scores, lengths)
        begin, pairs, end = self.weights()
        alpha, normaliser = forward_sums(scores, begin, pairs, end, lengths)
        beta, _ = backward_sums(
            scores,
            pairs,
            end,
            lengths,
            alpha - normaliser.unsqueeze(1),
            torch.zeros_like(normaliser),
        )
        return label_probabilities(alpha, beta, normaliser, lengths)

    def extra_repr(self) -> str:
        return f"labels={self.labels}"

    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """begin, pairs and end, minus infinity where not allowed."""
        forbidden = -torch.inf
        return (
            self.begin.masked_fill(self.no_begin, forbidden),  # type: ignore[arg-type]
            self.pairs.masked_fill(self.no_pairs, forbidden),  # type: ignore[arg-type]
            self.end.masked_fill(self.no_end, forbidden),  # type: ignore[arg-type]
        )

    def _checked(self, scores: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """The scores, with zeros in the padding, and all lengths [B]."""
        if scores.dim() != 3 or scores.shape[2] != self.labels:
            raise ValueError(
                f"CRF got scores of shape {list(scores.shape)}; expected [T, B, K={self.labels}]."
            )
        T, B, _ = scores.shape
        if lengths is None:
            return scores, torch.full((B,), T, device=scores.device)
        if lengths.shape != (B,) or (B and not 0 <= int(lengths.min()) <= int(lengths.max()) <= T):
            raise ValueError(
                f"CRF got lengths {lengths.tolist()}; expected B={B} numbers between 0 and T={T}."
            )
        lengths = lengths.to(scores.device)
        return scores.masked_fill(~step_mask(T, lengths).unsqueeze(2), 0), lengths


class LogNormaliser(torch.autograd.Function):
    """log sum_y exp s(y) [B]; its gradients are the probabilities of labels and of pairs."""

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, begin: Tensor, pairs: Tensor, end: Tensor, lengths: Tensor
    ) -> Tensor:
        """Scores [T, B, K], begin [K], pairs [K, K], end [K], lengths [B] -> log sum_y exp s(y) [B]."""
        alpha, normaliser = forward_sums(scores, begin, pairs, end, lengths)
        ctx.save_for_backward(scores, pairs, end, lengths, alpha, normaliser)
        return normaliser

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient [B] -> those of scores [T, B, K], begin [K], pairs [K, K] and end [K]; lengths: None."""
        scores, pairs, end, lengths, alpha, normaliser = ctx.saved_tensors
        T, B, K = scores.shape
        beta, both = backward_sums(
            scores, pairs, end, lengths, alpha - normaliser.unsqueeze(1), gradient
        )
        into_scores = label_probabilities(alpha, beta, normaliser, lengths) * gradient.unsqueeze(1)
        if T == 0:
            return into_scores, torch.zeros_like(end), both, torch.zeros_like(end), None
        last = (lengths - 1).clamp_min(0).view(1, B, 1).expand(1, B, K)
        into_end = into_scores.gather(0, last).squeeze(0).sum(0)
        return into_scores, into_scores[0].sum(0), both, into_end, None


def forward_sums(
    scores: Tensor, begin: Tensor, pairs: Tensor, end: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """alpha[t, b, k] = log sum exp s over all beginnings that end in k at t, and the normaliser.

    Past a length alpha does not change.
    """
    T, B, _ = scores.shape
    alpha = torch.empty_like(scores)
    if T == 0:
        return alpha, scores.new_zeros(B)
    into = pairs.T.contiguous()  # sums over the last axis are the fast ones
    alpha[0] = now = begin + scores[0]
    for t in range(1, T):
        new = (into + now.unsqueeze(1)).logsumexp(2) + scores[t]
        now = torch.where((t < lengths).unsqueeze(1), new, now)
        alpha[t] = now
    normaliser = (now + end).logsumexp(1)
    return alpha, torch.where(lengths > 0, normaliser, 0)


def backward_sums(
    scores: Tensor,
    pairs: Tensor,
    end: Tensor,
    lengths: Tensor,
    before: Tensor,
    weight: Tensor,
) -> tuple[Tensor, Tensor]:
    """beta[t, b, k] = log sum exp s over all ends that follow k at t, and expected counts of pairs.

    From the last step on, beta is `end`. The counts [K, K] sum over sequences with their weights.

    Args:
        scores: [T, B, K].
        pairs: [K, K].
        end: [K].
        lengths: [B].
        before: alpha minus the normaliser [T, B, K], so that p(y_t, y_{t+1}) = exp(before_t +
            pairs + scores_{t+1} + beta_{t+1}).
        weight: of each sequence [B].
    """
    T, B, K = scores.shape
    beta = torch.empty_like(scores)
    counts = scores.new_zeros(K * K)
    now = end.expand(B, K)
    for t in range(T - 1, -1, -1):
        if t + 1 < T:
            running = t + 1 < lengths
            after = pairs + (scores[t + 1] + now).unsqueeze(1)  # [B, K, K]
            now = torch.where(running.unsqueeze(1), after.logsumexp(2), end)
            chance = after.add_(before[t].unsqueeze(2)).exp_().view(B, K * K)
            counts += torch.where(running, weight, 0) @ chance
        beta[t] = now
    return beta, counts.view(K, K)


def label_probabilities(alpha: Tensor, beta: Tensor, normaliser: Tensor, lengths: Tensor) -> Tensor:
    """p(y_t = k) [T, B, K]."""
    probability = (alpha + beta - normaliser.unsqueeze(1)).exp()
    return probability.masked_fill(~step_mask(len(alpha), lengths).unsqueeze(2), 0)


def path_scores(
    scores: Tensor, tags: Tensor, lengths: Tensor, begin: Tensor, pairs: Tensor, end: Tensor
) -> Tensor:
    """s(tags) [B]; zero where a sequence is empty."""
    T = len(scores)
    if T == 0:
        return scores.sum((0, 2))
    running = step_mask(T, lengths)
    steps = scores.gather(2, tags.unsqueeze(2)).squeeze(2)
    total = torch.where(running, steps, 0).sum(0)
    links = pairs[tags[:-1], tags[1:]]
    total = total + torch.where(running[1:], links, 0).sum(0)
    last = tags.gather(0, (lengths - 1).clamp_min(0).unsqueeze(0)).squeeze(0)
    return total + torch.where(lengths > 0, begin[tags[0]] + end[last], 0)


def step_mask(T: int, lengths: Tensor) -> Tensor:
    """Whether each of T steps is within each length, bool [T, B]."""
    return torch.arange(T, device=lengths.device).unsqueeze(1) < lengths
