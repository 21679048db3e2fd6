"""From step-by-step probabilities to whole sequences: the most likely, a drawn one, the best few.

B sequences, k places of a beam, N = B * k rows, V vocabulary, S source places.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class TokenStepper(Protocol):
    """A model that predicts one token after the other, with its state."""

    def __call__(self, ids: Tensor) -> tuple[Tensor, Tensor | None]:
        """Log-probabilities [N, V] of the tokens after these [N], and attention [N, S] or None."""
        ...

    def select(self, rows: Tensor) -> None:
        """Keep these rows [N], in this order; a row may be kept twice."""
        ...


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that a search found.

    Attributes:
        tokens: ids, without the end.
        log_probability: of the whole sequence, with the end, in nats.
        score: what the hypotheses of one input are ranked by; higher is better.
        finished: whether the sequence ended before it reached the longest length allowed.
        attention: weights [tokens, S], one row per token, and one for the end where it was
            reached; None for a model without attention.
    """

    tokens: list[int]
    log_probability: float
    score: float
    finished: bool
    attention: Tensor | None


class SearchHistory:
    """What was chosen at each step of a search, and from which row of the step before."""

    def __init__(self) -> None:
        self.parents: list[Tensor] = []
        self.ids: list[Tensor] = []
        self.attention: list[Tensor | None] = []

    def add(self, parents: Tensor, ids: Tensor, attention: Tensor | None) -> None:
        """Add a step: rows of the step before [N], tokens [N], and the attention of those rows."""
        self.parents.append(parents.cpu())
        self.ids.append(ids.cpu())
        self.attention.append(attention)

    def path_to(self, row: int, step: int) -> tuple[list[int], Tensor | None]:
        """The tokens that lead to this row of this step, and the attention of each."""
        tokens, attended = [], []
        for t in range(step, -1, -1):
            tokens.append(int(self.ids[t][row]))
            row = int(self.parents[t][row])
            attention = self.attention[t]
            if attention is not None:
                attended.append(attention[row])
        rows = attended[::-1]
        return tokens[::-1], torch.stack(rows) if rows else None


def beam_search(
    step: TokenStepper,
    batch_size: int,
    *,
    width: int,
    start: int,
    end: int,
    length: int,
    length_penalty: float = 0.0,
    coverage_penalty: float = 0.0,
    source: Tensor | None = None,
    never: Tensor | None = None,
    device: torch.device | str = "cpu",
) -> list[list[Hypothesis]]:
    """Search the best `width` sequences of each input, best first.

    When to use it: with a model whose every choice depends on those before, such as a decoder.
    Width 1 takes the most likely token each time (greedy); a width of V ** length is exhaustive.

    At each step an input has as many places as it has not yet filled with finished hypotheses; the
    most likely continuations take them. Finished hypotheses, and those that reached `length`, are
    ranked by

        score(Y) = log p(Y) / lp(Y) + cp(Y)
        lp(Y) = ((5 + |Y|) / 6) ** length_penalty             |Y| counts the end
        cp(Y) = coverage_penalty * sum_i log(min(sum_t a_ti, 1))

    Source: Y. Wu et al., Google's neural machine translation system, 2016
    (https://arxiv.org/abs/1609.08144), section 7.

    Args:
        step: the model; its rows are `width` for the first input, then for the second, ..., all
            rows of one input in the same state.
        batch_size: how many inputs.
        width: of the beam.
        start: the id before each sequence.
        end: the id that ends a sequence.
        length: the most tokens of a sequence, the end counted.
        length_penalty: power of the length that a log-probability is divided by.
        coverage_penalty: weight of the source places that no step attended to.
        source: bool [N, S], true where the attention may look; for the coverage penalty.
        never: ids that must not be chosen.
        device: of the model.

    Raises:
        ValueError: for a width or length under 1, and a coverage penalty without `source`.

    Examples:
        >>> import torch
        >>> from unroll.models.beam_search import beam_search
        >>> class Coin:                                              # 0, 1, or the end: 2
        ...     def __call__(self, ids):
        ...         return torch.tensor([0.5, 0.3, 0.2]).log().expand(len(ids), 3), None
        ...     def select(self, rows):
        ...         pass
        >>> (found,) = beam_search(Coin(), 1, width=3, start=2, end=2, length=4)
        >>> [(h.tokens, round(h.score, 2)) for h in found]
        [([], -1.61), ([0, 0, 0, 0], -2.77), ([0, 0, 0, 1], -3.28)]
    """
    if width < 1 or length < 1:
        raise ValueError(f"beam_search got width={width}, length={length}; expected at least 1.")
    if coverage_penalty and source is None:
        raise ValueError("beam_search got a coverage_penalty and no source; give its mask [N, S].")
    B, k = batch_size, width
    found: list[list[Hypothesis]] = [[] for _ in range(B)]
    history = SearchHistory()
    ids = torch.full((B * k,), start, device=device)
    # the rows of an input are alike at first: only one of them may continue
    total = torch.full((B, k), -math.inf, device=device)
    total[:, 0] = 0
    first_row = torch.arange(B, device=device)[:, None] * k
    covered: Tensor | None = None
    for t in range(length):
        log_p, attention = step(ids)
        if never is not None:
            log_p = log_p.index_fill(1, never, -math.inf)
        if attention is not None and coverage_penalty:
            covered = attention if covered is None else covered + attention
        V = log_p.shape[1]
        candidates = (total[:, :, None] + log_p.view(B, k, V)).view(B, k * V)
        total, best = candidates.topk(k)
        rows, ids = (best // V + first_row).flatten(), (best % V).flatten()
        # places that finished hypotheses hold are no longer free
        free = torch.tensor([k - len(f) for f in found], device=device)
        total = total.masked_fill(torch.arange(k, device=device) >= free[:, None], -math.inf)
        step.select(rows)
        history.add(rows, ids, attention)
        if covered is not None:
            covered = covered.index_select(0, rows)

        alive = total > -math.inf
        ended = alive & (ids.view(B, k) == end)
        done = alive if t == length - 1 else ended
        for b, place in done.nonzero().tolist():
            row = b * k + place
            tokens, attended = history.path_to(row, t)
            finished = bool(ended[b, place])
            log_probability = float(total[b, place])
            score = log_probability / ((5 + len(tokens)) / 6) ** length_penalty
            if covered is not None and source is not None:
                score += coverage_penalty * log_coverage(covered[row], source[row])
            kept = tokens[:-1] if finished else tokens
            found[b].append(Hypothesis(kept, log_probability, score, finished, attended))
        total = total.masked_fill(ended, -math.inf)
        if not bool((total > -math.inf).any()):
            break
    return [sorted(f, key=lambda h: -h.score) for f in found]


def log_coverage(covered: Tensor, source: Tensor) -> float:
    """sum_i log(min(c_i, 1)) over the places of a source.

    Args:
        covered: attention weights summed over steps, c [S].
        source: bool [S], true where the attention may look.
    """
    return float(covered[source].clamp(min=1e-10, max=1).log().sum())


def decode_sequences(
    step: Callable[[Tensor], tuple[Tensor, Tensor | None]],
    batch_size: int,
    choose: Callable[[Tensor], Tensor],
    *,
    start: int,
    end: int,
    length: int,
    device: torch.device | str = "cpu",
) -> list[Hypothesis]:
    """Decode one sequence for each input, token by token.

    Args:
        step: a model with `batch_size` rows: tokens [B] in; log-probabilities [B, V] and attention
            [B, S] or None out.
        batch_size: how many inputs.
        choose: from log-probabilities [B, V] to tokens [B]: `greedy`, or a draw.
        start: the id before each sequence.
        end: the id that ends a sequence.
        length: the most tokens of a sequence, the end counted.
        device: of the model.

    Returns:
        A hypothesis for each input; its score is its log-probability.

    Examples:
        >>> import torch
        >>> from unroll.models.beam_search import decode_sequences, greedy
        >>> step = lambda ids: (torch.eye(3)[(ids + 1) % 3].log_softmax(1), None)  # 0, 1, 2, 0, ...
        >>> decode_sequences(step, 1, greedy, start=2, end=2, length=9)[0].tokens
        [0, 1]
    """
    ids = torch.full((batch_size,), start, device=device)
    tokens: list[list[int]] = [[] for _ in range(batch_size)]
    totals = [0.0] * batch_size
    finished = [False] * batch_size
    attended: list[Tensor | None] = []
    for _ in range(length):
        log_p, attention = step(ids)
        ids = choose(log_p)
        attended.append(attention)
        gained = log_p.gather(1, ids[:, None])[:, 0].tolist()
        for b, id in enumerate(ids.tolist()):
            if finished[b]:
                continue
            totals[b] += gained[b]
            if id == end:
                finished[b] = True
            else:
                tokens[b].append(id)
        if all(finished):
            break
    found = []
    for b in range(batch_size):
        steps = attended[: len(tokens[b]) + finished[b]]
        rows = [a[b] for a in steps if a is not None]
        weights = torch.stack(rows) if rows else None
        found.append(Hypothesis(tokens[b], totals[b], totals[b], finished[b], weights))
    return found


def greedy(log_p: Tensor) -> Tensor:
    """The most likely token of each row [B] of log-probabilities [B, V]."""
    return log_p.argmax(1)
