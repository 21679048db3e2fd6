"""Which units follow a readable feature of a text: quotes, brackets, lines, words.

A probe is a number for each token: whether it is inside quotation marks, or its position in the line. The
score of a unit says how well its activation alone predicts that number, from -1 to 1:

    yes or no     2 AUC - 1: the probability that a step inside has a higher activation than a step
                  outside, minus the probability of the opposite (Mann and Whitney 1947)
    a distance    Spearman's rank correlation

Scores use ranks only, so they do not depend on the scale of a unit. Among hundreds of units some would
score high by chance: each unit is scored in both halves of the text, and its score is the smaller one,
or zero where the halves disagree in sign.

Labels of one's own are scored by the same functions; see `unroll.inspect.probing`.

N steps, U units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from unroll.data.vocabulary import BOUNDARY_NAME

MIN_STEPS = 8  # steps inside, and steps outside, that each half must have
BEFORE_OPENING = "([{-\N{EM DASH}\N{EN DASH}"
OPENING, CLOSING = "([{\N{LEFT DOUBLE QUOTATION MARK}", ")]}\N{RIGHT DOUBLE QUOTATION MARK}"


def inside_quotes(tokens: Sequence[str]) -> list[float]:
    """1 from after an opening quotation mark to the closing mark or a blank line, else 0.

    A straight mark after a letter or another mark closes, so that a text that begins inside a quote
    is read correctly from there on. After a space, a bracket or a dash it opens, or closes an open
    quote: tokenised texts have spaces on both sides.

    Examples:
        >>> inside_quotes(list('a "bc"d'))
        [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    values, inside, before = [], False, " "
    for token in tokens:
        for character in token:
            if character in '"' + OPENING[-1] + CLOSING[-1]:
                straight = before.isspace() or before in BEFORE_OPENING
                opens = straight and not inside
                inside = opens if character == '"' else character == OPENING[-1]
            elif character == before == "\n":
                inside = False
            before = character
        values.append(float(inside))
    return values


def inside_brackets(tokens: Sequence[str]) -> list[float]:
    """1 from after an opening bracket to its closing bracket or a blank line, else 0."""
    values, depth, before = [], 0, ""
    for token in tokens:
        for character in token:
            depth += character in OPENING[:-1]
            depth = max(0, depth - (character in CLOSING[:-1]))
            depth = 0 if character == before == "\n" else depth
            before = character
        values.append(float(depth > 0))
    return values


def position_in_line(tokens: Sequence[str]) -> list[float]:
    """The number of tokens since the last line end."""
    values, place = [], 0.0
    for token in tokens:
        place = 0.0 if "\n" in token or token in (BOUNDARY_NAME, "<eos>") else place + 1
        values.append(place)
    return values


def start_of_word(tokens: Sequence[str]) -> list[float]:
    """1 at the first letter of a word, else 0, where tokens are smaller than words."""
    values, before = [], " "
    for token in tokens:
        first = token[:1]
        values.append(float(bool(token.strip()) and (first.isspace() or not before.isalnum())
                           and token.strip()[:1].isalnum()))  # fmt: skip
        before = token[-1:] or " "
    return values


PROBES: dict[str, Callable[[Sequence[str]], list[float]]] = {
    "inside quotes": inside_quotes,
    "inside brackets": inside_brackets,
    "position in the line": position_in_line,
    "start of a word": start_of_word,
}


def probe_scores(
    activations: Tensor, texts: Sequence[Sequence[str]], second_half: Tensor, spaced: bool
) -> dict[str, Tensor]:
    """The score of every unit, by probe that is built in.

    Args:
        activations: at the N tokens of all texts, one after another, [N, U].
        texts: the tokens of each.
        second_half: whether a step is in the second half, bool [N].
        spaced: whether tokens are words: none of them begins inside a word.

    Returns:
        [U] by probe; probes with too few steps in the texts are absent.
    """
    halves = HalvedUnits(activations, second_half)
    by_probe = {}
    for name, probe in PROBES.items():
        if spaced and probe is start_of_word:
            continue
        values = torch.tensor([v for tokens in texts for v in probe(tokens)], dtype=torch.float64)
        if (scores := halves.scores(values)) is not None:
            by_probe[name] = scores
    return by_probe


class HalvedUnits:
    """The ranks of units within each half of the steps, by which labels are scored.

    Args:
        activations: [N, U].
        second_half: whether a step is in the second half, bool [N].
    """

    def __init__(self, activations: Tensor, second_half: Tensor) -> None:
        self.halves = [~second_half, second_half]
        self.ranked = [ranks(activations[half]) for half in self.halves]

    def scores(self, values: Tensor) -> Tensor | None:
        """The score of each unit, [U]; None where a half has too few steps of a label.

        values: the label of each step, [N].
        """
        parts = [values[half] for half in self.halves]
        if not all(map(has_enough_steps, parts)):
            return None
        first, second = (unit_scores(r, v) for r, v in zip(self.ranked, parts, strict=True))
        smaller = torch.minimum(first.abs(), second.abs()) * first.sign()
        return torch.where(first.sign() == second.sign(), smaller, 0.0)


def has_enough_steps(values: Tensor) -> bool:
    """Whether a half, values [N], has enough steps, and of a yes or no enough of both."""
    if is_binary(values):
        inside = int(values.sum())
        return MIN_STEPS <= inside <= len(values) - MIN_STEPS
    return len(values) >= 2 * MIN_STEPS


def is_binary(values: Tensor) -> bool:
    """Whether every value of [N] is 0 or 1."""
    return bool(((values == 0) | (values == 1)).all())


def unit_scores(ranked: Tensor, values: Tensor) -> Tensor:
    """How well each unit predicts a number per step.

    Args:
        ranked: the ranks of its activations, [N, U].
        values: the number to predict, [N].

    Returns:
        [U], from -1 to 1.
    """
    if is_binary(values):
        inside = values == 1
        between = ranked[inside].mean(0) - ranked[~inside].mean(0)
        return 2 * between / len(values)
    a, b = ranked - ranked.mean(0), ranks(values[:, None]) - (len(values) - 1) / 2
    scale = a.norm(dim=0) * b.norm()
    return torch.where(scale > 0, (a * b).sum(0) / scale.clamp(min=1e-300), 0.0)


def ranks(values: Tensor) -> Tensor:
    """The ranks within each column of [N, U], from 0; equal values share the mean of their ranks."""
    by_column = torch.empty(values.shape, dtype=torch.float64)
    for k, column in enumerate(values.unbind(1)):
        _, place, counts = column.unique(return_inverse=True, return_counts=True)
        by_column[:, k] = (counts.cumsum(0) - (counts + 1) / 2)[place]
    return by_column
