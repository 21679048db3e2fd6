"""CIDEr-D: how much a caption agrees with those that people wrote.

Captions are compared by their words: in lower case, without marks.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

WORD = re.compile(r"\w+(?:['’]\w+)*")
ORDERS = 4  # the longest n-gram, in words
SIGMA = 6.0  # words by which a caption may be longer or shorter at little cost

Gram = tuple[str, ...]


class WeightedGrams(NamedTuple):
    """The n-grams of a caption.

    Attributes:
        grams: for each order, the weight of each n-gram.
        norms: for each order, the norm of the weights.
        length: bigrams.
    """

    grams: list[dict[Gram, float]]
    norms: list[float]
    length: int


class CiderD:
    """CIDEr-D: n-grams that a caption shares with the references, where rare ones count more.

    When to use it: as the metric of a captioner (`mean(cider_d(...))`), and to find the caption that
    agrees most with others (`agreement`).

        weight_n(g, s) = count of g in s * (log N - log max(1, df(g)))
        sim_n(c, r) = sum_g min(weight(g, c), weight(g, r)) weight(g, r) / (|weight(c)| |weight(r)|)
                      * exp(-(len c - len r)^2 / (2 sigma^2))
        CIDEr-D(c, R) = 10 * mean over n = 1..4 and r in R of sim_n(c, r)

    N: images. df(g): images of which a reference has g. sigma = 6. Lengths are counted in bigrams, as
    in the authors' own program. Values of different data sets do not compare, because df is that of
    the references evaluated.

    Source: R. Vedantam et al., CIDEr: consensus-based image description evaluation, 2015
    (https://arxiv.org/abs/1411.5726), section 6, and coco-caption's CiderD. Their tokenizer is
    Stanford's, which splits some words differently.

    Args:
        references: the captions of each image, from which df is counted.

    Examples:
        >>> from unroll.tasks.caption.cider import CiderD
        >>> known = CiderD([["a red dog runs"], ["a blue cat sits"], ["the sun sets now"]])
        >>> round(known.score("a red dog runs", ["a red dog runs"]), 2)
        10.0
    """

    def __init__(self, references: Iterable[Sequence[str]]) -> None:
        self.df: Counter[Gram] = Counter()
        images = 0
        for group in references:
            images += 1
            self.df.update({gram for text in group for gram in count_grams(text)})
        self.log_images = math.log(max(1, images))

    def score(self, caption: str, references: Sequence[str]) -> float:
        """CIDEr-D of one caption, 0 to 10."""
        grams = self.weigh(caption)
        similarities = [self.similarity(grams, self.weigh(text)) for text in references]
        return sum(similarities) / max(1, len(similarities))

    def agreement(self, captions: Sequence[str]) -> list[float]:
        """The mean CIDEr-D of each caption with all of them as references.

        A caption that occurs several times counts as often.
        """
        times = Counter(captions)
        total = self.similarities(list(times))
        mean = total @ np.array(list(times.values())) / max(1, len(captions))
        by_text = dict(zip(times, mean.tolist(), strict=True))
        return [by_text[text] for text in captions]

    def similarities(self, captions: Sequence[str]) -> np.ndarray:
        """CIDEr-D of each caption (rows) with each as its only reference (columns), [N, N]."""
        known = [self.weigh(text) for text in captions]
        lengths = np.array([each.length for each in known])
        total = np.zeros((len(known), len(known)))
        for n in range(ORDERS):
            grams: dict[Gram, int] = {}
            for each in known:
                for gram in each.grams[n]:
                    grams.setdefault(gram, len(grams))
            weights = np.zeros((len(known), len(grams)))
            for row, each in zip(weights, known, strict=True):
                row[[grams[gram] for gram in each.grams[n]]] = list(each.grams[n].values())
            norms = np.array([each.norms[n] or np.inf for each in known])
            for k, row in enumerate(weights):
                total[k] += (np.minimum(row, weights) * weights).sum(1) / (norms[k] * norms)
        total *= np.exp(-((lengths[:, None] - lengths) ** 2) / (2 * SIGMA**2))
        scores: np.ndarray = 10 / ORDERS * total
        return scores

    def weigh(self, text: str) -> WeightedGrams:
        """The n-grams of a caption with their weights."""
        grams: list[dict[Gram, float]] = [{} for _ in range(ORDERS)]
        length = 0
        for gram, count in count_grams(text).items():
            rarity = self.log_images - math.log(max(1, self.df.get(gram, 0)))
            grams[len(gram) - 1][gram] = count * rarity
            length += count if len(gram) == 2 else 0
        norms = [math.sqrt(sum(weight**2 for weight in part.values())) for part in grams]
        return WeightedGrams(grams, norms, length)

    def similarity(self, caption: WeightedGrams, reference: WeightedGrams) -> float:
        """10 times the mean of sim_n over the orders."""
        total = 0.0
        for a, b, norm_a, norm_b in zip(
            caption.grams, reference.grams, caption.norms, reference.norms, strict=True
        ):
            if norm_a and norm_b:
                both = a.keys() & b.keys()
                total += sum(min(a[g], b[g]) * b[g] for g in both) / (norm_a * norm_b)
        difference = caption.length - reference.length
        return 10 * total / ORDERS * math.exp(-(difference**2) / (2 * SIGMA**2))


def words_of(text: str) -> list[str]:
    """The words of a caption that are compared."""
    return WORD.findall(text.lower())


def count_grams(text: str) -> Counter[Gram]:
    """How often each n-gram of one to four words occurs in a caption."""
    words = words_of(text)
    return Counter(
        tuple(words[at : at + n]) for n in range(1, ORDERS + 1) for at in range(len(words) - n + 1)
    )


def cider_d(captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """CIDEr-D of the caption of each image.

    Args:
        captions: one for each image.
        references: those of each image; df is counted over all of them.
    """
    known = CiderD(references)
    return [known.score(text, group) for text, group in zip(captions, references, strict=True)]
