"""Which units say something that people have a word for: quotes, brackets, lines, words.

A probe is a number for each token: whether it stands inside quotation marks, how far into its line
it stands. A unit's score is how well its activation alone tells that number, from -1 to 1:

    yes or no     2 AUC - 1: the chance that a step inside has a higher activation than one outside,
                  minus the chance of the opposite (Mann and Whitney 1947)
    a distance    Spearman's rank correlation

Ranks alone count, so it does not matter how a unit is scaled. Of hundreds of units some would score
by chance: each is scored in both halves of the text, and has the smaller score of the two, or zero
where they disagree in sign.

N steps, U units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from unroll.data.vocabulary import BOUNDARY_NAME

FEW = 8  # steps inside, and outside, that each half must have
BEFORE_OPENING = "([{-\N{EM DASH}\N{EN DASH}"
OPENING, CLOSING = "([{\N{LEFT DOUBLE QUOTATION MARK}", ")]}\N{RIGHT DOUBLE QUOTATION MARK}"


def inside_quotes(tokens: Sequence[str]) -> list[float]:
    """1 from behind an opening quotation mark to the closing one; a blank line closes it too.

    A straight mark closes behind a letter or another mark, so that a text that is met in its middle
    is read rightly from there on; behind a space, a bracket or a dash it opens, or closes what is
    open: in tokenised texts spaces stand on both sides.

    Example:
        >>> inside_quotes(list('a "bc"d'))
        [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    found, inside, before = [], False, " "
    for token in tokens:
        for character in token:
            if character in '"' + OPENING[-1] + CLOSING[-1]:
                straight = before.isspace() or before in BEFORE_OPENING
                opens = straight and not inside
                inside = opens if character == '"' else character == OPENING[-1]
            elif character == before == "\n":
                inside = False
            before = character
        found.append(float(inside))
    return found


def inside_brackets(tokens: Sequence[str]) -> list[float]:
    """1 from behind an opening bracket to its closing one; a blank line closes all."""
    found, depth, before = [], 0, ""
    for token in tokens:
        for character in token:
            depth += character in OPENING[:-1]
            depth = max(0, depth - (character in CLOSING[:-1]))
            depth = 0 if character == before == "\n" else depth
            before = character
        found.append(float(depth > 0))
    return found


def place_in_line(tokens: Sequence[str]) -> list[float]:
    """Tokens since the last line end."""
    found, place = [], 0.0
    for token in tokens:
        place = 0.0 if "\n" in token or token in (BOUNDARY_NAME, "<eos>") else place + 1
        found.append(place)
    return found


def start_of_word(tokens: Sequence[str]) -> list[float]:
    """1 at the first letter of a word, where tokens are smaller than words."""
    found, before = [], " "
    for token in tokens:
        first = token[:1]
        found.append(float(bool(token.strip()) and (first.isspace() or not before.isalnum())
                           and token.strip()[:1].isalnum()))  # fmt: skip
        before = token[-1:] or " "
    return found


PROBES: dict[str, Callable[[Sequence[str]], list[float]]] = {
    "inside quotes": inside_quotes,
    "inside brackets": inside_brackets,
    "place in the line": place_in_line,
    "start of a word": start_of_word,
}


def scores(activations: Tensor, streams: Sequence[Sequence[str]]) -> dict[str, Tensor]:
    """The score [U] of every unit, by probe; probes that the text gives too little for are absent.

    activations: [T, B, U] over B streams of T tokens.
    """
    T = len(activations)
    halves = [slice(0, T // 2), slice(T // 2, T)]
    ranked = [ranks(activations[half].flatten(0, 1)) for half in halves]
    found = {}
    for name, probe in PROBES.items():
        values = torch.tensor([probe(tokens) for tokens in streams], dtype=torch.float64).T
        parts = [values[half].flatten() for half in halves]
        if all(map(enough, parts)):
            first, second = (score(r, v) for r, v in zip(ranked, parts, strict=True))
            smaller = torch.minimum(first.abs(), second.abs()) * first.sign()
            found[name] = torch.where(first.sign() == second.sign(), smaller, 0.0)
    return found


def enough(values: Tensor) -> bool:
    """Whether there is something to tell apart."""
    if two_kinds(values):
        inside = int(values.sum())
        return FEW <= inside <= len(values) - FEW
    return len(values) >= 2 * FEW


def two_kinds(values: Tensor) -> bool:
    return bool(((values == 0) | (values == 1)).all())


def score(ranked: Tensor, values: Tensor) -> Tensor:
    """How well ranks [N, U] tell values [N], -1 to 1 each unit."""
    if two_kinds(values):
        inside = values == 1
        between = ranked[inside].mean(0) - ranked[~inside].mean(0)
        return 2 * between / len(values)
    a, b = ranked - ranked.mean(0), ranks(values[:, None]) - (len(values) - 1) / 2
    scale = a.norm(dim=0) * b.norm()
    return torch.where(scale > 0, (a * b).sum(0) / scale.clamp(min=1e-300), 0.0)


def ranks(values: Tensor) -> Tensor:
    """Of each column of [N, U], from 0; equal values share the mean of theirs."""
    found = torch.empty(values.shape, dtype=torch.float64)
    for k, column in enumerate(values.unbind(1)):
        _, place, counts = column.unique(return_inverse=True, return_counts=True)
        found[:, k] = (counts.cumsum(0) - (counts + 1) / 2)[place]
    return found
