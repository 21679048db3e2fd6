"""What is predicted beside what is actual, cell by cell: words aligned by the fewest changes.

N and M tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RIGHT, WRONG, MISSING, ADDED = "right", "wrong", "missing", "added"


@dataclass(frozen=True)
class AlignedPair:
    """One place of an aligned row.

    Attributes:
        read: what the prediction is about, where that is another text: the word of a tag, the time of a
            forecast; empty where it is the next token.
        actual: what the data has; empty where the prediction has something more.
        predicted: what the run says; empty where it leaves something out.
        probability: that the run gives to the actual one; None where it is not known.
        state: "right", "wrong", "missing" (left out) or "added".
    """

    read: str
    actual: str
    predicted: str
    probability: float | None
    state: str


@dataclass(frozen=True)
class PredictedRow:
    """One record: a line, a sentence, a series.

    Attributes:
        name: what it is; empty where the pairs say it.
        pairs: in order.
    """

    name: str
    pairs: list[AlignedPair]


def pair(
    actual: str, predicted: str, probability: float | None = None, read: str = ""
) -> AlignedPair:
    """A pair that is right where both are equal."""
    return AlignedPair(
        read, actual, predicted, probability, RIGHT if actual == predicted else WRONG
    )


def aligned_pairs(actual: Sequence[str], predicted: Sequence[str]) -> list[AlignedPair]:
    """Two sequences side by side with the fewest replacements, omissions and additions.

    Args:
        actual: N tokens.
        predicted: M tokens.

    Examples:
        >>> [(p.actual, p.predicted) for p in aligned_pairs("a b d".split(), "a c b d".split())]
        [('a', 'a'), ('', 'c'), ('b', 'b'), ('d', 'd')]
    """
    N, M = len(actual), len(predicted)
    cost = [[i + j if not i or not j else 0 for j in range(M + 1)] for i in range(N + 1)]
    for i in range(1, N + 1):
        for j in range(1, M + 1):
            replaced = cost[i - 1][j - 1] + (actual[i - 1] != predicted[j - 1])
            cost[i][j] = min(replaced, cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    pairs: list[AlignedPair] = []
    i, j = N, M
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (actual[i - 1] != predicted[j - 1]):
            i, j = i - 1, j - 1
            pairs.append(pair(actual[i], predicted[j]))
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            pairs.append(AlignedPair("", actual[i], "", None, MISSING))
        else:
            j -= 1
            pairs.append(AlignedPair("", "", predicted[j], None, ADDED))
    return pairs[::-1]


def parts_of(text: str) -> list[str]:
    """The words of a text; the characters of a single word."""
    words = text.split()
    return words if len(words) != 1 else list(text.strip())
