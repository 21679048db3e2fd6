"""Which of the captions drawn for an image agrees most with the others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unroll.tasks.caption.cider import ORDERS, SIGMA, CiderD, Gram


@dataclass
class CaptionPool:
    """The captions among which that of one image is chosen; N captions.

    Attributes:
        texts: the captions, all different.
        similarities: CIDEr-D of each (rows) with each as its reference (columns) [N, N].
        drawn: the share of each among the drawn captions [N].
        consensus: knows what people write about any image.
    """

    texts: list[str]
    similarities: np.ndarray
    drawn: np.ndarray
    consensus: Consensus

    def near(self, captions: Sequence[str], shares: np.ndarray) -> np.ndarray:
        """The shares of these captions of similar images, in the order of the pool [N]."""
        by_text = dict(zip(captions, shares.tolist(), strict=True))
        return np.array([by_text.get(text, 0.0) for text in self.texts])

    def expected_scores(
        self, prior: float, near: np.ndarray | None = None, weight: float = 0.0
    ) -> np.ndarray:
        """The CIDEr-D that each caption can expect; -1 for those that nobody wrote [N].

        Args:
            prior: p, the share of the known captions, 0 to 1.
            near: the share of each caption among those of similar images [N]. Default: none.
            weight: q, how much these count beside the drawn ones, 0 to 1.
        """
        shares = self.drawn if near is None else (1 - weight) * self.drawn + weight * near
        expected = self.similarities @ shares
        if prior:
            expected = (1 - prior) * expected + prior * self.known
        return np.where(shares > 0, expected, -1.0)

    @cached_property
    def known(self) -> np.ndarray:
        """The agreement of each caption with the known captions [N]."""
        return np.array([self.consensus.agreement_with_known(text) for text in self.texts])


class Consensus:
    """The CIDEr-D that a caption can expect with the captions that people would write.

    When to use it: to choose among captions drawn from a model. The drawn captions represent what
    people would write about this image, as far as the model knows; the known captions for what people
    write about any image. A model trained on few captions is overconfident, and does better when the
    known captions count more.

        expected(c) = (1 - p) ((1 - q) mean over d of CIDEr-D(c, d) + q mean over s of CIDEr-D(c, s))
                      + p mean over k of CIDEr-D(c, k)

    d: the drawn captions, each as often as it was drawn. s: the captions of similar images. k: the known
    ones, each as often as it occurs. p: the prior. q: the weight of similar images. The rarity of
    n-grams is that among the known captions.

    Source: S. Kumar and W. Byrne, Minimum Bayes-risk decoding for statistical machine translation,
    2004 (https://aclanthology.org/N04-1022), with CIDEr-D as the gain.

    Args:
        known: captions of the training set, and how often each occurs.

    Examples:
        >>> from unroll.tasks.caption.consensus import Consensus
        >>> consensus = Consensus({"a red dog runs": 2, "a blue cat sits": 1, "the sun sets": 1})
        >>> pool = consensus.pool(["the sun rises", "the sun sets", "a red dog sits", "the sun sets"])
        >>> pool.texts[pool.expected_scores(prior=0.0).argmax()]
        'the sun sets'
        >>> pool.texts[pool.expected_scores(prior=1.0).argmax()]
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

    def pool(self, drawn: Sequence[str], near: Sequence[str] = ()) -> CaptionPool:
        """The different captions among those drawn and those of similar images, for one image.

        Args:
            drawn: captions of one image.
            near: different captions of similar images. Default: none.
        """
        times = Counter(drawn)
        texts = list(dict.fromkeys([*times, *near]))
        shares = np.array([times.get(text, 0) for text in texts]) / max(1, len(drawn))
        return CaptionPool(texts, self.scores.similarities(texts), shares, self)

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
