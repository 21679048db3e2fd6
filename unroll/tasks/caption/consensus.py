"""Which of the captions drawn for an image agrees most with the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from unroll.tasks.caption.cider import ORDERS, SIGMA, CiderD, Gram


class Consensus:
    """The CIDEr-D that a caption can expect with the captions that people would write.

    When to use it: to choose among captions drawn from a model. The drawn captions represent what
    people would write about this image, as far as the model knows; the known captions for what people
    write about any image. A model trained on few captions is overconfident, and does better when the
    known captions count more.

        expected(c) = (1 - p) mean over d of CIDEr-D(c, d) + p mean over k of CIDEr-D(c, k)

    d: the drawn captions, each as often as it was drawn. k: the known ones, likewise. p: the prior.
    The rarity of n-grams is that among the known captions.

    Source: S. Kumar and W. Byrne, Minimum Bayes-risk decoding for statistical machine translation,
    2004 (https://aclanthology.org/N04-1022), with CIDEr-D as the gain.

    Args:
        known: captions of the training set, and how often each occurs.

    Examples:
        >>> from unroll.tasks.caption.consensus import Consensus
        >>> consensus = Consensus({"a red dog runs": 2, "a blue cat sits": 1, "the sun sets": 1})
        >>> drawn = ["the sun rises", "the sun sets", "a red dog sits", "the sun sets"]
        >>> expected = consensus.expected_scores(drawn, 0.0)
        >>> drawn[expected.index(max(expected))]
        'the sun sets'
        >>> expected = consensus.expected_scores(drawn, 1.0)
        >>> drawn[expected.index(max(expected))]
        'a red dog sits'
    """

    def __init__(self, known: Mapping[str, int]) -> None:
        self.scores = CiderD([text] for text, times in known.items() for _ in range(times))
        self.times = np.array(list(known.values()), dtype=np.float64)
        references = [self.scores.weigh(text) for text in known]
        self.lengths = np.array([each.length for each in references])
        # per n-gram: the known captions that have it, its weight there, and the norm of its order
        having: dict[Gram, list[tuple[int, float, float]]] = defaultdict(list)
        for row, each in enumerate(references):
            for part, norm in zip(each.grams, each.norms, strict=True):
                for gram, weight in part.items():
                    if weight:
                        having[gram].append((row, weight, norm))
        self.having = {gram: np.array(rows).T for gram, rows in having.items()}
        self.cached: dict[str, float] = {}

    def expected_scores(self, drawn: Sequence[str], prior: float) -> list[float]:
        """The CIDEr-D that each drawn caption can expect.

        Args:
            drawn: captions of one image.
            prior: p, the share of the known captions, 0 to 1.
        """
        among = self.scores.agreement(drawn)
        if not prior:
            return among
        return [
            (1 - prior) * agreement + prior * self.agreement_with_known(text)
            for text, agreement in zip(drawn, among, strict=True)
        ]

    def agreement_with_known(self, text: str) -> float:
        """The mean CIDEr-D of a caption with each known caption as its reference."""
        if text not in self.cached:
            caption = self.scores.weigh(text)
            total = np.zeros(len(self.times))
            for part, norm in zip(caption.grams, caption.norms, strict=True):
                for gram, weight in part.items():
                    if weight and gram in self.having:
                        rows, weights, norms = self.having[gram]
                        total[rows.astype(np.int64)] += (
                            np.minimum(weight, weights) * weights / (norm * norms)
                        )
            total *= np.exp(-((self.lengths - caption.length) ** 2) / (2 * SIGMA**2))
            mean = float(total @ self.times / max(1.0, self.times.sum()))
            self.cached[text] = 10 / ORDERS * mean
        return self.cached[text]
