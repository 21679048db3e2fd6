"""Which of the captions drawn for an image says what others say of it too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from unroll.tasks.caption.metrics import ORDERS, SIGMA, CiderD, Gram


class Consensus:
    """What a caption may expect of those that people would write, in CIDEr-D.

    When to use it: to choose among captions drawn from a model. The drawn ones stand for what
    people would say of this image, as far as the model knows; the known ones for what people say of
    any. A model of few captions is surer than it should be, and does better with more of the latter.

        worth(c) = (1 - p) mean over d of CIDEr-D(c, d) + p mean over k of CIDEr-D(c, k)

    d: the drawn captions, each as often as it was drawn. k: the known ones, likewise. p: the share.
    The n-grams' rarity is that among the known ones.

    Source: S. Kumar and W. Byrne, Minimum Bayes-risk decoding for statistical machine translation,
    2004 (https://aclanthology.org/N04-1022), with CIDEr-D as the gain.

    known: captions that were learned from, and how often each came.

    Example:
        >>> from unroll.tasks.caption.consensus import Consensus
        >>> consensus = Consensus({"a red dog runs": 2, "a blue cat sits": 1, "the sun sets": 1})
        >>> drawn = ["the sun rises", "the sun sets", "a red dog sits", "the sun sets"]
        >>> drawn[consensus.worth(drawn, 0.0).index(max(consensus.worth(drawn, 0.0)))]
        'the sun sets'
        >>> drawn[consensus.worth(drawn, 1.0).index(max(consensus.worth(drawn, 1.0)))]
        'a red dog sits'
    """

    def __init__(self, known: Mapping[str, int]) -> None:
        self.scores = CiderD([text] for text, times in known.items() for _ in range(times))
        self.times = np.array(list(known.values()), dtype=np.float64)
        references = [self.scores.weighted(text) for text in known]
        self.lengths = np.array([one.length for one in references])
        # per n-gram: the known captions that have it, and its share of their norm
        found: dict[Gram, list[tuple[int, float, float]]] = defaultdict(list)
        for row, one in enumerate(references):
            for part, norm in zip(one.grams, one.norms, strict=True):
                for gram, weight in part.items():
                    if weight:
                        found[gram].append((row, weight, norm))
        self.having = {gram: np.array(rows).T for gram, rows in found.items()}
        self.usual: dict[str, float] = {}

    def worth(self, drawn: Sequence[str], prior: float) -> list[float]:
        """What each of these captions may expect. prior: the share p of
        the known captions, 0 to 1."""
        among = self.scores.agreement(drawn)
        if not prior:
            return among
        return [
            (1 - prior) * one + prior * self.as_usual(text)
            for text, one in zip(drawn, among, strict=True)
        ]

    def as_usual(self, text: str) -> float:
        """The mean CIDEr-D of a caption with every known one as its reference."""
        if text not in self.usual:
            said = self.scores.weighted(text)
            total = np.zeros(len(self.times))
            for part, norm in zip(said.grams, said.norms, strict=True):
                for gram, weight in part.items():
                    if weight and gram in self.having:
                        rows, weights, norms = self.having[gram]
                        total[rows.astype(np.int64)] += (
                            np.minimum(weight, weights) * weights / (norm * norms)
                        )
            total *= np.exp(-((self.lengths - said.length) ** 2) / (2 * SIGMA**2))
            mean = float(total @ self.times / max(1.0, self.times.sum()))
            self.usual[text] = 10 / ORDERS * mean
        return self.usual[text]
