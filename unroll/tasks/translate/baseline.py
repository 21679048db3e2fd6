"""The translation of the most alike source: what a translator must beat."""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from unroll.data.pairs import Pair

BASELINE = "baseline.json"
WORD = re.compile(r"\w+|[^\w\s]")


class NearestNeighbour:
    """Answers with the target of the pair whose source has the most rare words in common.

    When to use it: as the baseline of a translator: where it is as good, nothing was generalised.

    The likeness is the cosine of two sets of words, each weighted by log(N / pairs that have it).

    pairs: N of them. Example:
        >>> from unroll.data.pairs import Pair
        >>> from unroll.tasks.translate.baseline import NearestNeighbour
        >>> known = NearestNeighbour([Pair("a red dog", "un chien rouge"), Pair("a cat", "un chat")])
        >>> known.translate("the cat")
        'un chat'
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.pairs = list(pairs)
        rows: dict[str, list[int]] = defaultdict(list)
        for row, pair in enumerate(self.pairs):
            for word in words(pair.source):
                rows[word].append(row)
        N = len(self.pairs)
        self._rows = {word: np.array(found) for word, found in rows.items()}
        self._weight = {word: math.log(1 + N / len(found)) ** 2 for word, found in rows.items()}
        squares = np.zeros(N)
        for word, found in self._rows.items():
            squares[found] += self._weight[word]
        self._norm = np.sqrt(np.maximum(squares, 1e-12))

    def translate(self, source: str) -> str:
        """The target of the nearest pair, the first of them where several are as near."""
        if not self.pairs:
            return ""
        likeness = np.zeros(len(self.pairs))
        for word in words(source):
            if word in self._rows:
                likeness[self._rows[word]] += self._weight[word]
        return self.pairs[int((likeness / self._norm).argmax())].target

    def files(self) -> dict[str, bytes]:
        """The file of a run folder that holds it."""
        return {BASELINE: json.dumps(self.pairs, ensure_ascii=False).encode()}

    @classmethod
    def from_json(cls, text: str) -> NearestNeighbour:
        """What `files` has written."""
        return cls(Pair(*pair) for pair in json.loads(text))


def words(text: str) -> set[str]:
    return set(WORD.findall(text.lower()))
