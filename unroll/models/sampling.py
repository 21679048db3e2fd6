"""Draw the next token: temperature, top-k, top-p."""

from __future__ import annotations

import numpy
import torch
from torch import Tensor

from unroll.errors import UserError


def checked_sampling(temperature: float, top_k: int, top_p: float, seed: int | None = None) -> None:
    """Check the numbers of sampling.

    Raises:
        UserError: with the flag, the value and what was expected.
    """
    if not temperature >= 0 or temperature == float("inf"):
        raise UserError(
            f"--temperature got {temperature}; expected 0 (always the most likely token) or a "
            "positive number: below 1 more predictable, above 1 more varied."
        )
    if top_k < 0:
        raise UserError(f"--top-k got {top_k}; expected 0 (all tokens) or how many to choose from.")
    if seed is not None and not 0 <= seed < 2**63:
        raise UserError(f"--seed got {seed}; expected a whole number from 0 to 2**63 - 1.")
    if not 0 < top_p <= 1:
        raise UserError(f"--top-p got {top_p}; expected a share of probability, 0 < top-p <= 1.")


def distribution(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    never: Tensor | None = None,
) -> Tensor:
    """The probabilities to draw from.

    Args:
        logits: [B, V].
        temperature: divides the logits; 0 puts all probability on the most likely token.
        top_k: keep the k most likely tokens. 0: all.
        top_p: keep the fewest most likely tokens that reach this probability (Holtzman et al. 2020).
        never: ids that get probability 0. None: none.

    Returns:
        Probabilities [B, V].
    """
    logits = logits.float()
    if never is not None:
        logits = logits.index_fill(1, never, -torch.inf)
    if temperature == 0:
        return torch.zeros_like(logits).scatter(1, logits.argmax(1, keepdim=True), 1.0)
    if temperature < 1e-3:  # the largest logit becomes 0, so that nothing overflows
        logits = (logits - logits.amax(1, keepdim=True)) / max(temperature, 1e-30)
    elif temperature != 1:
        logits = logits / temperature
    if 0 < top_k < logits.shape[1]:
        kept = logits.topk(top_k, dim=1)
        logits = torch.full_like(logits, -torch.inf).scatter(1, kept.indices, kept.values)
    p = logits.softmax(1)
    if top_p < 1:
        ranked, order = p.sort(1, descending=True)
        enough = ranked.cumsum(1) - ranked >= top_p  # reached before this token
        p = p.masked_fill(enough.scatter(1, order, enough), 0.0)
        p = p / p.sum(1, keepdim=True)
    return p


def draw(p: Tensor, generator: torch.Generator) -> Tensor:
    """Draw one token per row by inverting the cumulative probabilities.

    The uniform numbers are drawn on the CPU, and the sums are taken there, so that a seed gives the same
    text on every device. NumPy's few small steps cost a quarter of torch's.

    Args:
        p: probabilities [B, V].
        generator: of random numbers, on the CPU.

    Returns:
        Ids [B].
    """
    uniform = torch.rand(len(p), generator=generator).tolist()
    cumulated = p.cpu().numpy().cumsum(axis=1, dtype="float64")
    last = p.shape[1] - 1
    drawn = [
        min(int(row.searchsorted(u * row[last], side="right")), last)
        for row, u in zip(cumulated, uniform, strict=True)
    ]
    return torch.tensor(drawn, device=p.device)


def draw_softmax(
    logits: Tensor, temperature: float, never: list[int], generator: torch.Generator
) -> int:
    """Draw one token from softmax(logits / temperature), for logits [1, V].

    The same as `draw(distribution(...))` without top-k and top-p, in a third of the time, which for a
    small vocabulary is as long as a step of the model.
    """
    weights = logits.numpy()[0] / temperature
    if never:
        weights[never] = -numpy.inf
    weights -= weights.max()
    cumulated = numpy.exp(weights, out=weights).cumsum(dtype="float64")
    uniform = torch.rand(1, generator=generator).item()
    last = len(cumulated) - 1
    return min(int(cumulated.searchsorted(uniform * cumulated[last], side="right")), last)
