"""What a classifier's answer rests on, in words: weights of steps as weights of words."""

from __future__ import annotations

from typing import Any

TOP = 8  # parts that are told


def as_words(tokens: list[str], weights: list[float], *, whole: bool) -> list[tuple[str, float]]:
    """The words of a text with their weights. whole: a token is a word; else characters, or pieces
    that begin with a space where a word begins, add up.

    Example:
        >>> from unroll.tasks.classify.attributions import as_words
        >>> as_words(list("a be"), [1.0, 0.0, 0.5, 0.25], whole=False)
        [('a', 1.0), ('be', 0.75)]
    """
    if whole:
        return list(zip(tokens, weights, strict=True))
    words: list[tuple[str, float]] = []
    fresh = True
    for token, weight in zip(tokens, weights, strict=True):
        if fresh or token[:1].isspace():
            words.append(("", 0.0))
        words[-1] = (words[-1][0] + token, words[-1][1] + weight)
        fresh = token.isspace()
    return [(word.strip(), weight) for word, weight in words if word.strip()]


def strongest(weights: list[tuple[Any, float]]) -> list[list[Any]]:
    """The parts that mattered most, for or against, in order of how much."""
    ranked = sorted(weights, key=lambda pair: -abs(pair[1]))[:TOP]
    return [[name, round(weight, 4)] for name, weight in ranked]
